A = "${@'$' + '{A}'}"
DEPENDS = "${A}"
CFLAGS = ""
