inherit_defer d1 ${@bb.utils.contains("F", "d2", "d2", "", d)}
F = "none"
F:append = " d2"
A = "recipe"
A:append = " r"
inherit d3
BB_DEFER_BBCLASSES = "d4"
inherit d4
A = "late"
