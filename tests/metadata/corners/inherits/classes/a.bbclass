L .= "a"
inherit b
