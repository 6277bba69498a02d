inherit a ${B} ${@'c' if True else ''}
B = "b"
inherit ${B}
inherit ${@''}
INH = "${@bb.data.inherits_class('a', d)}${@bb.data.inherits_class('zz', d)}"
