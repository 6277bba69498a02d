SUMMARY = "Compression library and tool, LZ4"
HOMEPAGE = "https://lz4.org/"
LICENSE = "BSD-2-Clause AND GPL-2.0-or-later"

SRC_URI = "https://github.com/lz4/lz4/archive/v${PV}.tar.gz;downloadfilename=lz4-${PV}.tar.gz"
SRC_URI[sha256sum] = "537512904744b35e232912055ccf8ec66d768639ff3abe5788d90d792ec5f48b"

EXTRA_OEMAKE = "PREFIX=${prefix} prefix=${prefix} libdir=${libdir} BUILD_STATIC=no TARGET_OS=Linux"

do_compile() {
    oe_runmake lib lz4
}

do_install() {
    oe_runmake DESTDIR=${D} install
}

PACKAGES =+ "liblz4"
FILES:liblz4 = "${libdir}/liblz4.so.*"

BBCLASSEXTEND = "native"
