N = "0"
DEPENDS = "${@1 // int('${N}')}"
