require hadron-image.inc

SUMMARY = "Hadron Linux to try and to install: a medium that boots a live system"

# With what opens and makes encrypted disks and logical volumes: who rescues a system has this medium.
IMAGE_INSTALL += "hadron-install e2fsprogs lvm2 systemd-cryptsetup"
ISO_INSTALLS ?= "hadron-image"

inherit iso-image

# Who has the medium has the machine; what it installs is closed.
ROOTFS_POSTPROCESS_COMMAND += "rootfs_open_root"
