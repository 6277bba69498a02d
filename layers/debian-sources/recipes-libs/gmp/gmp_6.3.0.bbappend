# Without the manual, which the configure script wants to be there.
SRC_URI = "debsrc://gmp/trixie/gmp_6.3.0+dfsg.orig.tar.xz"
SRC_URI[sha256sum] = "bd2966e6d277f79328e894a5a9f3ba3fbf2ed2be81def5f48623e30c23fb1572"
S = "${UNPACKDIR}/gmp-${PV}+dfsg"

do_configure:prepend() {
    mkdir -p ${S}/doc
    printf 'all check install install-exec install-data install-am installdirs clean distclean info:\n' > ${S}/doc/Makefile.in
}
