CFLAGS = ""
RDEPENDS:${PN} = "x-tool"
