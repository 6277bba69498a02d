inherit native
DEPENDS:append:class-natve = " zlib"
CFLAGS = ""
CFLAGS:pn-thng = "-O0"
PACKAGES = "${PN} ${PN}-dev"
FILES:${PN}-dv = "/usr/include"
RDEPENDS:${PN} = "libc"
SRC_URI[sha265sum] = "00"
do_compile[depend] = "zlib:do_install"
addtask check after do_compil before do_bulid
do_check() {
    :
}
