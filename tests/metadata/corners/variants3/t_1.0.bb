BBCLASSEXTEND = "${@'a' if True else 'b'} c"
inherit_defer ${K}
K ?= "k1"
K:v = "k2"
OVERRIDES = "${V}"
V ?= ""
