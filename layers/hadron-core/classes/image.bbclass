# An image: packages → root filesystem → files to boot from. No root needed, nothing is mounted.

IMAGE_BASENAME = "${PN}"
IMAGE_LINK_NAME = "${IMAGE_BASENAME}-${MACHINE}"
IMAGE_ROOTFS = "${WORKDIR}/rootfs"
IMAGE_MANIFEST = "${WORKDIR}/rootfs-meta/manifest.json"
IMGDEPLOYDIR = "${WORKDIR}/deploy-image"

IMAGE_INSTALL ?= ""
IMAGE_FSTYPES ?= "tar.zst ext4"
# Free space in the filesystem, in KiB.
IMAGE_ROOTFS_EXTRA_SPACE ?= "131072"
BAD_RECOMMENDATIONS ?= ""

INHIBIT_DEFAULT_DEPS = "1"
LICENSE ?= "Apache-2.0"
SRC_URI = ""
PACKAGES = "${PN}"
RDEPENDS:${PN} = "${IMAGE_INSTALL}"
DEPENDS += "systemd-native kmod-native"

deltask fetch unpack patch configure compile install populate_sysroot package package_qa

# Functions over the finished tree, in this order.
ROOTFS_POSTPROCESS_COMMAND = "rootfs_busybox_links rootfs_users rootfs_presets rootfs_databases rootfs_identity"

python do_rootfs() {
    hb.rootfs.run(d)
}
do_rootfs[recrdeptask] = "do_package do_package_qa"
do_rootfs[sysroot-depends] = "${DEPENDS}"
do_rootfs[postfuncs] = "${ROOTFS_POSTPROCESS_COMMAND}"
do_rootfs[sstate-inputdirs] = "${IMAGE_ROOTFS} ${WORKDIR}/rootfs-meta"
addtask rootfs before do_image

# Busybox serves the names that nothing else has.
rootfs_busybox_links() {
    list=${IMAGE_ROOTFS}/usr/lib/busybox/applets
    [ -e "$list" ] || return 0
    while read -r applet; do
        name=${IMAGE_ROOTFS}/usr/bin/${applet##*/}
        [ -e "$name" ] || [ -L "$name" ] || ln -s busybox "$name"
    done < "$list"
}

rootfs_users() {
    systemd-sysusers --root=${IMAGE_ROOTFS}
    # No backup files of what was never there.
    rm -f ${IMAGE_ROOTFS}/etc/passwd- ${IMAGE_ROOTFS}/etc/group- ${IMAGE_ROOTFS}/etc/shadow- ${IMAGE_ROOTFS}/etc/gshadow- \
        ${IMAGE_ROOTFS}/etc/.pwd.lock
}

rootfs_presets() {
    systemctl --root=${IMAGE_ROOTFS} preset-all
    systemctl --root=${IMAGE_ROOTFS} --global preset-all
}

# What a first boot would otherwise spend seconds on.
rootfs_databases() {
    systemd-hwdb --root=${IMAGE_ROOTFS} --usr update
    journalctl --root=${IMAGE_ROOTFS} --update-catalog
    # All that follows from /usr is made: systemd-update-done leaves the same.
    for directory in etc var; do
        printf 'TIMESTAMP_NSEC=%s\n' ${SOURCE_DATE_EPOCH}000000000 > ${IMAGE_ROOTFS}/$directory/.updated
    done
    for modules in ${IMAGE_ROOTFS}/usr/lib/modules/*/; do
        [ -d "$modules" ] || continue
        depmod -b ${IMAGE_ROOTFS} "$(basename "$modules")"
    done
}

# An empty machine-id is filled at the first boot, and is not taken for a system that still asks its owner questions.
rootfs_identity() {
    : > ${IMAGE_ROOTFS}/etc/machine-id
    chmod 0444 ${IMAGE_ROOTFS}/etc/machine-id
    rm -rf ${IMAGE_ROOTFS}/var/log/* ${IMAGE_ROOTFS}/var/cache/* ${IMAGE_ROOTFS}/run/* ${IMAGE_ROOTFS}/tmp/*
}

# For images that are meant for development: root logs in without a password on the consoles.
rootfs_open_root() {
    sed -i 's/^root:[^:]*:/root::/' ${IMAGE_ROOTFS}/etc/shadow
    grep -q '^root::' ${IMAGE_ROOTFS}/etc/shadow
}

python do_image() {
    hb.image.run(d)
}
do_image[depends] = "virtual/kernel:do_deploy"
do_image[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_image[sstate-outputdirs] = "deploy/images/${MACHINE}"
addtask image after do_rootfs before do_build
