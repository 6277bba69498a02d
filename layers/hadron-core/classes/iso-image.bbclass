# A live medium: the image's root, read-only under an overlay in memory, on a CD or a stick, for BIOS and UEFI.
#
# do_rootfs -> do_iso. With ISO_INSTALLS the medium holds another image's disk, which its installer writes.

inherit image

IMAGE_FSTYPES = ""
IMAGE_TITLE ?= "Hadron Linux"
IMAGE_EROFS_OPTIONS ?= "-zzstd,level=3 -C32768"
INITRAMFS_IMAGE ?= "hadron-initramfs"
# At most 16 capital letters, digits and underscores: by it the system finds its medium.
ISO_LABEL ?= "HADRON"
# The timer: see grub-image.bbclass.
ISO_CMDLINE ?= "no_timer_check console=tty0 console=ttyS0"
ISO_INSTALLS ?= ""
# In seconds.
GRUB_TIMEOUT ?= "2"

do_iso[cleandirs] = "${IMGDEPLOYDIR}"
do_iso[depends] = "virtual/kernel:do_deploy ${INITRAMFS_IMAGE}:do_initramfs ${@d.getVar('ISO_INSTALLS') and '${ISO_INSTALLS}:do_disk'}"
do_iso[sysroot-depends] = "erofs-utils-native grub-native"
do_iso[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_iso[sstate-outputdirs] = "deploy/images/${MACHINE}"
python do_iso() {
    hb.iso.run(d)
}
addtask iso after do_rootfs before do_build
deltask do_image
