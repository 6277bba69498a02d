# An image that trusts nothing but its own signature: a read-only root under dm-verity, whose hash is in the command line of a
# signed EFI program; two slots for upgrades; what changes is on a partition of its own, mounted at /var.
#
# do_rootfs -> do_verity -> do_uki -> do_sign -> do_disk. Signing is apart: other keys make no other root.

inherit image

IMAGE_VERSION ?= "1"
IMAGE_FSTYPES = ""
IMAGE_LABEL ?= "hadron"
IMAGE_EROFS_OPTIONS ?= "-zzstd,level=3 -C32768"
# Attempts to boot before the other slot is taken.
IMAGE_TRIES ?= "3"
# In MiB. A slot holds this version and those to come.
IMAGE_ESP_SIZE ?= "128"
IMAGE_SLOT_SIZE ?= "192"
IMAGE_STATE_SIZE ?= "256"
# Partitions are mounted by units of our own, by their labels.
UKI_CMDLINE ?= "console=tty0 console=ttyS0 systemd.machine_id=firmware systemd.gpt_auto=0 lockdown=integrity no_timer_check"

VERITYDIR = "${WORKDIR}/verity"
UKIDIR = "${WORKDIR}/uki"
SIGNEDDIR = "${WORKDIR}/signed"

DEPENDS += "erofs-utils-native ukify-native zstd-native"

rootfs_trusted() {
    install -d ${IMAGE_ROOTFS}/efi ${IMAGE_ROOTFS}/var
    echo 'IMAGE_VERSION=${IMAGE_VERSION}' >> ${IMAGE_ROOTFS}/usr/lib/os-release
    # Nobody's login waits for the network: what asks for it (network.target, nss-lookup.target, time-set.target) still does.
    units=${IMAGE_ROOTFS}/usr/lib/systemd/system
    wants=${IMAGE_ROOTFS}/etc/systemd/system
    sed -i '/^After=/s/ network\.target//' $units/systemd-user-sessions.service
    install -d $wants/multi-user.target.wants
    for unit in systemd-resolved systemd-timesyncd systemd-networkd; do
        sed -i '/^Before=/s/ sysinit\.target\|sysinit\.target //; s/^After=/After=getty.target /' $units/$unit.service
        if [ -L "$wants/sysinit.target.wants/$unit.service" ]; then
            mv "$wants/sysinit.target.wants/$unit.service" "$wants/multi-user.target.wants/"
        fi
    done
}
ROOTFS_POSTPROCESS_COMMAND += "rootfs_trusted"

do_verity[dirs] = "${VERITYDIR}"
do_verity[cleandirs] = "${VERITYDIR}"
do_verity[sysroot-depends] = "${DEPENDS}"
do_verity[sstate-inputdirs] = "${VERITYDIR}"
python do_verity() {
    hb.verity.run(d)
}
addtask verity after do_rootfs

do_uki[dirs] = "${UKIDIR}"
do_uki[cleandirs] = "${UKIDIR}"
do_uki[depends] = "virtual/kernel:do_deploy"
do_uki[sysroot-depends] = "${DEPENDS}"
do_uki[sstate-inputdirs] = "${UKIDIR}"
python do_uki() {
    hb.uki.run(d)
}
addtask uki after do_verity do_rootfs

# The keys, made by `hbake keys secureboot`, or your own; or, with a command of your own, of a signer anywhere.
HB_SECUREBOOT_KEYS ?= "${TOPDIR}/keys/secureboot"
HB_SIGN_COMMAND ?= "osslsigncode sign -certs {certificate} -key {key} -h sha256 -time {epoch} -in {input} -out {output}"
HB_SIGN_DATA_COMMAND ?= "openssl dgst -sha256 -sign {key} -out {output} {input}"
HB_SIGN_PCR_COMMAND ?= "openssl dgst -sha256 -sign {key} -out {output} {input}"
SIGN_FILES = "uki/hadron.efi uki/systemd-boot.efi"
# Gets the policies for PCR 11, by which a TPM opens the state.
SIGN_PCR = "uki/hadron.efi"
# What hadron-update takes from a directory or a server.
SIGN_RELEASE = " \
    hadron_${IMAGE_VERSION}.efi=signed/hadron.efi \
    hadron_${IMAGE_VERSION}.erofs=verity/root.erofs \
    hadron_${IMAGE_VERSION}.verity=verity/root.verity \
"

do_sign[builtin] = "sign"
do_sign[vardeps] += "SIGN_FILES SIGN_RELEASE SIGNEDDIR SOURCE_DATE_EPOCH SIGN_PCR HB_SECUREBOOT_KEYS HB_SIGN_COMMAND HB_SIGN_DATA_COMMAND HB_SIGN_PCR_COMMAND"
do_sign[vardepsexclude] += "HB_SECUREBOOT_KEYS HB_SIGN_COMMAND HB_SIGN_DATA_COMMAND HB_SIGN_PCR_COMMAND"
do_sign[file-checksums] = "${HB_SECUREBOOT_KEYS}/db.crt:False ${HB_SECUREBOOT_KEYS}/pcr.pub:False ${HB_SECUREBOOT_KEYS}/PK.auth:False ${HB_SECUREBOOT_KEYS}/KEK.auth:False ${HB_SECUREBOOT_KEYS}/db.auth:False"
do_sign[sstate-inputdirs] = "${SIGNEDDIR}"
do_sign() {
    :
}
addtask sign after do_uki do_verity

do_disk[cleandirs] = "${IMGDEPLOYDIR}"
do_disk[sysroot-depends] = "${DEPENDS}"
do_disk[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_disk[sstate-outputdirs] = "deploy/images/${MACHINE}"
python do_disk() {
    hb.disk.run(d)
}
addtask disk after do_sign do_verity before do_build
deltask do_image
