SUMMARY = "Libraries that programs of the C and C++ compiler need at run time"
HOMEPAGE = "https://gcc.gnu.org/"
LICENSE = "GPL-3.0-or-later WITH GCC-exception-3.1"

# They were built with the compiler, and are only packaged here.
INHIBIT_DEFAULT_DEPS = "1"
DEPENDS = "gcc-cross"
S = "${UNPACKDIR}"

PACKAGES = "libgcc libstdc++"
FILES:libgcc = "${libdir}/libgcc_s.so.*"
FILES:libstdc++ = "${libdir}/libstdc++.so.*"
SUMMARY:libgcc = "Run-time support of the C compiler"
SUMMARY:libstdc++ = "Standard C++ library"

do_install() {
    install -d ${D}${libdir}
    cp -a ${STAGING_LIBDIR}/libgcc_s.so.* ${STAGING_LIBDIR}/libstdc++.so.* ${D}${libdir}/
}

# The sysroot has them from the compiler's recipe.
SYSROOT_DIRS = ""
