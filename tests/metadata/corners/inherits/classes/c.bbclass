L .= "c"
inherit a
