SUMMARY = "Many small programs in one"
DESCRIPTION = "What the larger packages don't bring: editors, find, grep, sed, awk, archivers, network tools; and a spare of the \
rest for rescue and initial RAM disks."
HOMEPAGE = "https://busybox.net/"
LICENSE = "GPL-2.0-only"

SRC_URI = " \
    https://busybox.net/downloads/busybox-${PV}.tar.bz2 \
    file://hadron.config \
"
SRC_URI[sha256sum] = "3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4"

EXTRA_OEMAKE = " \
    ARCH=${TARGET_ARCH} CROSS_COMPILE=${TARGET_PREFIX} CC='${CC}' HOSTCC='${BUILD_CC}' HOSTCFLAGS='${BUILD_CFLAGS}' \
    CONFIG_EXTRA_CFLAGS='${CFLAGS}' CONFIG_EXTRA_LDFLAGS='${LDFLAGS}' SKIP_STRIP=y V=1 \
"
# The makefiles have flags of their own, which these would replace.
CFLAGS[unexport] = "1"
LDFLAGS[unexport] = "1"
CPPFLAGS[unexport] = "1"

do_configure() {
    oe_runmake defconfig
    while IFS='=' read -r name value; do
        case "$name" in
            CONFIG_*) sed -i "s/^$name=.*/# $name is not set/" .config ;;
        esac
    done < ${UNPACKDIR}/hadron.config
    yes '' | oe_runmake oldconfig > /dev/null
    while IFS='=' read -r name value; do
        case "$name" in
            CONFIG_*) ! grep "^$name=" .config || bbfatal "the configuration has $name, which hadron.config switches off" ;;
        esac
    done < ${UNPACKDIR}/hadron.config
}

do_compile() {
    oe_runmake busybox busybox.links
}

# No links: who has a better program of the same name installs it. The image makes links for the names in the list that nobody took.
do_install() {
    install -D -m 0755 busybox ${D}${bindir}/busybox
    install -d ${D}${prefix}/lib/busybox
    sed 's|.*/||' busybox.links | LC_ALL=C sort -u > ${D}${prefix}/lib/busybox/applets
}

FILES:${PN} = "${bindir}/busybox ${prefix}/lib/busybox/applets"
