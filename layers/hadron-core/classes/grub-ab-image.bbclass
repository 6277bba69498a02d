# A disk that boots by BIOS and by UEFI with GRUB, with a read-only root in two slots: an upgrade goes into the one that isn't
# running, and GRUB goes back to the other if it doesn't come up. What changes is on a partition of its own, mounted at /var.
#
# do_rootfs -> do_root -> do_sign -> do_disk. The list of a release's files is signed; upgrades trust the keys that are in the image.

inherit image signing

IMAGE_VERSION ?= "1"
IMAGE_FSTYPES = ""
IMAGE_LABEL ?= "hadron"
IMAGE_TITLE ?= "Hadron Linux"
IMAGE_EROFS_OPTIONS ?= "-zzstd,level=3 -C32768"
# Attempts to boot before the other slot is taken: 1 to 9.
IMAGE_TRIES ?= "3"
# In MiB. A slot holds this version and those to come.
IMAGE_ESP_SIZE ?= "64"
IMAGE_SLOT_SIZE ?= "192"
IMAGE_STATE_SIZE ?= "256"
# In seconds.
GRUB_TIMEOUT ?= "2"
# Each way in which a version can't start ends in a restart. Partitions are mounted by units of our own, by their labels. The timer:
# see grub-image.bbclass.
GRUB_CMDLINE ?= "ro rootfstype=erofs rootwait=60 panic=10 systemd.machine_id=firmware systemd.gpt_auto=0 no_timer_check console=tty0 console=ttyS0"

ROOTDIR = "${WORKDIR}/root"

rootfs_slots() {
    install -d ${IMAGE_ROOTFS}/efi ${IMAGE_ROOTFS}/var
    echo 'IMAGE_VERSION=${IMAGE_VERSION}' >> ${IMAGE_ROOTFS}/usr/lib/os-release
}
ROOTFS_POSTPROCESS_COMMAND += "rootfs_slots"

do_root[cleandirs] = "${ROOTDIR}"
do_root[depends] = "virtual/kernel:do_deploy"
do_root[sysroot-depends] = "erofs-utils-native"
do_root[sstate-inputdirs] = "${ROOTDIR}"
python do_root() {
    hb.grubslots.root(d)
}
addtask root after do_rootfs

# What hadron-update takes from a directory or a server.
SIGN_RELEASE = "hadron_${IMAGE_VERSION}.erofs=root/root.erofs hadron_${IMAGE_VERSION}.vmlinuz=root/vmlinuz"
addtask sign after do_root

do_disk[cleandirs] = "${IMGDEPLOYDIR}"
do_disk[sysroot-depends] = "grub-native"
do_disk[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_disk[sstate-outputdirs] = "deploy/images/${MACHINE}"
python do_disk() {
    hb.grubslots.run(d)
}
addtask disk after do_sign do_root before do_build
deltask do_image
