# An image's disk that boots by BIOS and by UEFI with GRUB, beside what the class image makes.
#
# do_rootfs -> do_image -> do_disk. The root is the image's ext4 file.

inherit image

IMAGE_TITLE ?= "Hadron Linux"
# In MiB. It holds the boot loader, the kernel and the initramfs.
IMAGE_ESP_SIZE ?= "64"
INITRAMFS_IMAGE ?= "hadron-initramfs"
# On a busy host a virtual machine may miss the ticks by which the kernel judges its timer at the start: it does not judge.
GRUB_CMDLINE ?= "rw no_timer_check console=tty0 console=ttyS0"
# In seconds.
GRUB_TIMEOUT ?= "2"

DISKDIR = "${WORKDIR}/deploy-disk"

do_disk[cleandirs] = "${DISKDIR}"
do_disk[depends] = "virtual/kernel:do_deploy ${INITRAMFS_IMAGE}:do_initramfs"
do_disk[sysroot-depends] = "grub-native"
do_disk[sstate-inputdirs] = "${DISKDIR}"
do_disk[sstate-outputdirs] = "deploy/images/${MACHINE}"
python do_disk() {
    hb.grubdisk.run(d)
}
addtask disk after do_image before do_build
