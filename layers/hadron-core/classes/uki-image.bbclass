# An image that is booted as one signed EFI program. What goes into the program and what is made of it, the classes say that inherit this.
#
# do_rootfs -> do_uki -> do_sign -> do_disk. Signing is apart: other keys make no other root.

inherit image signing

IMAGE_VERSION ?= "1"
IMAGE_FSTYPES = ""
# In MiB.
IMAGE_ESP_SIZE ?= "128"
# How a machine in setup mode gets the keys (loader.conf(5), secure-boot-enroll): by itself in virtual machines, elsewhere if somebody
# chooses so in the loader's menu. "force": always by itself, which ends machines whose own firmware needs other keys.
UEFI_ENROLL ?= "if-safe"
# Partitions are mounted by units of our own, by their labels. The kernel doesn't try its ciphers at
# each start, which takes half a second in emulation.
UKI_CMDLINE ?= "console=tty0 console=ttyS0 systemd.machine_id=firmware systemd.gpt_auto=0 lockdown=integrity no_timer_check cryptomgr.notests"

UKIDIR = "${WORKDIR}/uki"

DEPENDS += "ukify-native"

rootfs_version() {
    echo 'IMAGE_VERSION=${IMAGE_VERSION}' >> ${IMAGE_ROOTFS}/usr/lib/os-release
}
ROOTFS_POSTPROCESS_COMMAND += "rootfs_version"

do_uki[dirs] = "${UKIDIR}"
do_uki[cleandirs] = "${UKIDIR}"
do_uki[depends] = "virtual/kernel:do_deploy"
do_uki[sysroot-depends] = "${DEPENDS}"
do_uki[sstate-inputdirs] = "${UKIDIR}"
addtask uki after do_rootfs

SIGN_FILES = "uki/hadron.efi uki/systemd-boot.efi"
addtask sign after do_uki

do_disk[cleandirs] = "${IMGDEPLOYDIR}"
do_disk[sysroot-depends] = "${DEPENDS}"
do_disk[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_disk[sstate-outputdirs] = "deploy/images/${MACHINE}"
addtask disk after do_sign before do_build
deltask do_image
