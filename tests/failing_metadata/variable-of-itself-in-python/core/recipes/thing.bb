A = "${@d.getVar('A')}"
DEPENDS = "${A}"
CFLAGS = ""
