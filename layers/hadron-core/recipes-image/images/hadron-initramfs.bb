SUMMARY = "The initramfs of Hadron Linux: finds the root filesystem, and hands over to it"
LICENSE = "Apache-2.0"

IMAGE_INSTALL = "base-files bash busybox coreutils dracut kmod lvm2 systemd systemd-cryptsetup util-linux"

inherit initramfs-image
