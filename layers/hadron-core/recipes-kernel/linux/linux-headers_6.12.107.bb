SUMMARY = "The kernel's interface to programs, as header files"
require linux-6.12.inc

INHIBIT_DEFAULT_DEPS = "1"

B = "${WORKDIR}/build"
EXTRA_OEMAKE = "-C ${S} O=${B} ARCH=${KERNEL_ARCH} HOSTCC='${BUILD_CC}'"

do_compile() {
    oe_runmake headers
}

# Only the header files: a new kernel that has the same ones changes nothing for those who include them.
do_install() {
    install -d ${D}${includedir}
    (cd ${B}/usr/include && find . -name '*.h' | sort | tar --no-recursion -cf - -T - ) | tar -C ${D}${includedir} -xf -

    # The interface stays as it is through all releases of a stable series: named is the first, or each would change everything.
    version=${D}${includedir}/linux/version.h
    code=$(sed -n 's/^#define LINUX_VERSION_CODE \([0-9]*\)$/\1/p' $version)
    [ -n "$code" ] || bbfatal "linux/version.h has changed: it names no LINUX_VERSION_CODE"
    sed -i -e "s/^\(#define LINUX_VERSION_CODE\) .*/\1 $(expr $code - $code % 256)/" -e 's/^\(#define LINUX_VERSION_SUBLEVEL\) .*/\1 0/' $version
}

PACKAGES = "${PN}-dev"
FILES:${PN}-dev = "${includedir}"
