SUMMARY = "Assembler, linker and object file tools for the target"
HOMEPAGE = "https://www.gnu.org/software/binutils/"
LICENSE = "GPL-3.0-or-later"

DEPENDS = "zlib-native"
PROVIDES += "virtual/cross-binutils"

SRC_URI = "https://ftp.gnu.org/gnu/binutils/binutils-${PV}.tar.xz"
SRC_URI[sha256sum] = "ce2017e059d63e67ddb9240e9d4ec49c2893605035cd60e92ad53177f4377237"

inherit toolchain

EXTRA_OECONF = "${TOOLCHAIN_OECONF} --disable-gdb --disable-gdbserver --disable-gprofng --disable-plugins --enable-relro --enable-new-dtags"

do_install() {
    oe_runmake DESTDIR=${D} install-binutils install-gas install-ld
    toolchain_trim
    rm -f ${D}${prefix}/lib/*.a ${D}${prefix}/*/lib/*.a
}
