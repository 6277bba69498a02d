L .= " e1"
inherit d1
