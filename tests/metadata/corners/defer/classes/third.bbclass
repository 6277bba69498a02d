L .= " third"
B ?= "third"
A ?= "3"
