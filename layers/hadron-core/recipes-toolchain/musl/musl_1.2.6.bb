SUMMARY = "The C library"
HOMEPAGE = "https://musl.libc.org/"
LICENSE = "MIT"

INHIBIT_DEFAULT_DEPS = "1"
DEPENDS = "virtual/cross-cc linux-headers"
PROVIDES += "virtual/libc"

SRC_URI = " \
    https://musl.libc.org/releases/musl-${PV}.tar.gz \
    file://qsort-two-word-shift.patch \
    file://iconv-gb18030-time.patch \
"
SRC_URI[sha256sum] = "d585fd3b613c66151fc3249e8ed44f77020cb5e6c1e635a616d3f9f82460512a"

B = "${WORKDIR}/build"

# musl chooses its own optimisation, and its loader can't be linked like a program.
CFLAGS = "-O2 -pipe ${DEBUG_FLAGS}"
LDFLAGS = "-Wl,--hash-style=both"

do_configure() {
    ${S}/configure --target=${TARGET_SYS} --prefix=${prefix} --bindir=${bindir} --libdir=${libdir} --includedir=${includedir} \
        --syslibdir=${libdir} --disable-gcc-wrapper CROSS_COMPILE=${TARGET_PREFIX}
}

do_compile() {
    oe_runmake
}

do_install() {
    oe_runmake DESTDIR=${D} install
    # The loader and the library are one file; programs call the one and link the other.
    ln -sf libc.so ${D}${libdir}/ld-musl-${TARGET_ARCH}.so.1
    install -d ${D}${bindir}
    ln -s ../lib/libc.so ${D}${bindir}/ldd
    # libxcrypt's take their place.
    rm ${D}${includedir}/crypt.h ${D}${libdir}/libcrypt.a
}

PACKAGES = "${PN}-dbg ${PN}-staticdev ${PN}-dev ${PN}"
FILES:${PN} = "${libdir}/libc.so ${libdir}/ld-musl-${TARGET_ARCH}.so.1 ${bindir}/ldd"
FILES:${PN}-dev = "${includedir} ${libdir}/*.o"
