SUMMARY = "Compression library and tool, Zstandard"
HOMEPAGE = "https://facebook.github.io/zstd/"
LICENSE = "BSD-3-Clause OR GPL-2.0-only"

SRC_URI = "https://github.com/facebook/zstd/releases/download/v${PV}/zstd-${PV}.tar.gz"
SRC_URI[sha256sum] = "eb33e51f49a15e023950cd7825ca74a4a2b43db8354825ac24fc1b7ee09e6fa3"

EXTRA_OEMAKE = "PREFIX=${prefix} LIBDIR=${libdir} UNAME_TARGET_SYSTEM=Linux HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0 V=1"

# Assertions name their source file.
TARGET_CFLAGS += "-fmacro-prefix-map=${UNPACKDIR}/="

do_compile() {
    oe_runmake -C lib lib-mt
    oe_runmake -C programs zstd
}

do_install() {
    oe_runmake -C lib DESTDIR=${D} install-pc install-shared install-includes
    oe_runmake -C programs DESTDIR=${D} install
}

PACKAGES =+ "libzstd"
FILES:libzstd = "${libdir}/libzstd.so.*"

BBCLASSEXTEND = "native"
