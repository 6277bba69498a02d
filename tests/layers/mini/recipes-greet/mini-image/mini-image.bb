SUMMARY = "An image with one program and its libraries"
LICENSE = "MIT"

IMAGE_INSTALL = "greet"
IMAGE_ROOTFS_EXTRA_SPACE = "1024"

inherit image

# Nothing here boots.
DEPENDS = ""
BASEDEPENDS = ""
ROOTFS_POSTPROCESS_COMMAND = "rootfs_try"
do_image[depends] = ""

rootfs_try() {
    ${IMAGE_ROOTFS}${libdir}/ld-linux-x86-64.so.2 --library-path ${IMAGE_ROOTFS}${libdir} ${IMAGE_ROOTFS}${bindir}/greet > ${WORKDIR}/said
    grep -q '^Hello from libgreet$' ${WORKDIR}/said
    install -D ${WORKDIR}/said ${IMAGE_ROOTFS}${datadir}/said
}
