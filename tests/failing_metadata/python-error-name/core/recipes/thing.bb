EXTRA_OECONF = "--with"
DEPENDS = "${@EXTRA_OECNF + 'x'}"
