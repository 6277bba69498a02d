L .= " late1"
inherit now
inherit second
