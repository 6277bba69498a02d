CFLAGS = ""
DEPENDS = "zlibb"
RDEPENDS:${PN} = "zlib-tool"
do_compile[deptask] = "do_install"
