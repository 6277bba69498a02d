# An image whose result is an initramfs: dracut runs in its finished tree. It suits every image with the same kernel.

inherit image

IMAGE_FSTYPES = ""
# Exactly these modules of dracut, and those that they ask for.
DRACUT_MODULES ?= " \
    bash systemd systemd-initrd dracut-systemd base fs-lib rootfs-block udev-rules live-overlay crypt systemd-cryptsetup lvm \
"
DRACUT_OPTIONS ?= ""

do_initramfs[cleandirs] = "${IMGDEPLOYDIR}"
do_initramfs[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_initramfs[sstate-outputdirs] = "deploy/images/${MACHINE}"
python do_initramfs() {
    hb.initramfs.run(d)
}
addtask initramfs after do_rootfs before do_build
deltask do_image
