SUMMARY = "A program that greets"
LICENSE = "MIT"

DEPENDS = "libgreet"
SRC_URI = " \
    file://greet-main.c \
    file://Makefile \
    file://0001-end-with-a-newline.patch \
"
S = "${UNPACKDIR}"

do_install() {
    oe_runmake install DESTDIR=${D} bindir=${bindir}
}
