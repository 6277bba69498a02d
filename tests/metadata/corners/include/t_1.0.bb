require a.inc
include b.inc none.inc ${X}
include ${NONE}
X = "late.inc"
include_all c.inc
F = "${FILE}"
G := "${FILE}"
inherit k
include a.inc
