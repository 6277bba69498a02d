SUMMARY = "Linux' own asynchronous input and output, as a library"
HOMEPAGE = "https://pagure.io/libaio"
LICENSE = "LGPL-2.1-or-later"

SRC_URI = "https://releases.pagure.org/libaio/libaio-${PV}.tar.gz"
SRC_URI[sha256sum] = "2c44d1c5fd0d43752287c9ae1eb9c023f04ef848ea8d4aafa46e9aedb678200b"

do_install() {
    oe_runmake DESTDIR=${D} prefix=${prefix} libdir=${libdir} includedir=${includedir} install
    rm -f ${D}${libdir}/libaio.a
}
