SUMMARY = "Compression library, deflate"
HOMEPAGE = "https://zlib.net/"
LICENSE = "Zlib"

SRC_URI = "https://zlib.net/fossils/zlib-${PV}.tar.gz"
SRC_URI[sha256sum] = "9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23"

# Its configure script is none of autoconf's.
do_configure() {
    CHOST=${HOST_SYS} ./configure --prefix=${prefix} --libdir=${libdir} --sharedlibdir=${libdir} --includedir=${includedir} --shared
}

do_compile() {
    oe_runmake
}

do_install() {
    oe_runmake DESTDIR=${D} install
}

BBCLASSEXTEND = "native"
