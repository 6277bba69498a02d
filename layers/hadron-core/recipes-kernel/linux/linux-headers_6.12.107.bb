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
}

PACKAGES = "${PN}-dev"
FILES:${PN}-dev = "${includedir}"
