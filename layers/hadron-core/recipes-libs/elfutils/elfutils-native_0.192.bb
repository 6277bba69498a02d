SUMMARY = "Library to read and write ELF files, for the kernel's own build tools"
HOMEPAGE = "https://sourceware.org/elfutils/"
LICENSE = "GPL-2.0-or-later OR LGPL-3.0-or-later"

DEPENDS = "zlib-native"

SRC_URI = "https://sourceware.org/elfutils/ftp/${PV}/elfutils-${PV}.tar.bz2"
SRC_URI[sha256sum] = "616099beae24aba11f9b63d86ca6cc8d566d968b802391334c91df54eab416b4"

inherit native autotools

EXTRA_OECONF = "--disable-debuginfod --disable-libdebuginfod --disable-nls --disable-demangler --without-bzlib --without-lzma --without-zstd"

# Of the whole, libelf alone.
do_compile() {
    oe_runmake -C lib
    oe_runmake -C libelf
}

do_install() {
    oe_runmake -C libelf DESTDIR=${D} install
    oe_runmake -C config DESTDIR=${D} install
}
