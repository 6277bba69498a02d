SUMMARY = "POSIX capabilities: library and tools"
HOMEPAGE = "https://sites.google.com/site/fullycapable/"
LICENSE = "BSD-3-Clause OR GPL-2.0-only"

SRC_URI = "https://www.kernel.org/pub/linux/libs/security/linux-privs/libcap2/libcap-${PV}.tar.xz"
SRC_URI[sha256sum] = "de4e7e064c9ba451d5234dd46e897d7c71c96a9ebf9a0c445bc04f4742d83632"

# RAISE_SETFCAP would give setcap a capability at install time, which needs root.
EXTRA_OEMAKE = " \
    prefix=${prefix} lib=lib sbin=bin GOLANG=no PAM_CAP=no RAISE_SETFCAP=no SHARED=yes DYNAMIC=yes LIBCSTATIC=no USE_GPERF=yes \
    CC='${CC}' AR='${AR}' RANLIB='${RANLIB}' OBJCOPY='${OBJCOPY}' BUILD_CC='${BUILD_CC}' BUILD_CFLAGS='${BUILD_CFLAGS}' BUILD_LDFLAGS='${BUILD_LDFLAGS}' \
"

do_compile() {
    oe_runmake -C libcap
    oe_runmake -C progs
}

do_install() {
    oe_runmake -C libcap DESTDIR=${D} install
    oe_runmake -C progs DESTDIR=${D} install
    oe_runmake -C doc DESTDIR=${D} install
    rm -f ${D}${libdir}/*.a
}

PACKAGES =+ "${PN}-bin"
FILES:${PN}-bin = "${bindir}"
FILES:${PN} = "${libdir}/*.so.*"

BBCLASSEXTEND = "native"
