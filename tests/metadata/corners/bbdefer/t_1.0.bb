BB_DEFER_BBCLASSES = "d1"
inherit d1 e1
L .= " recipe"
