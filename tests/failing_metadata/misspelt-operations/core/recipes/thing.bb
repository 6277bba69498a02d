do_install:apend() {
    :
}
SRC_URI:apppend = " file://x"
FILES_${PN} = "/usr"
RDEPENDS_${PN}-dev = "x"
DEPENDS:remov = "a"
