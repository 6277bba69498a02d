# An image that trusts nothing but its own signature: a read-only root under dm-verity, whose hash is in the command line of a
# signed EFI program; two slots for upgrades; what changes is on a partition of its own, mounted at /var.
#
# do_rootfs -> do_verity -> do_uki -> do_sign -> do_disk.

inherit uki-image

IMAGE_LABEL ?= "hadron"
IMAGE_EROFS_OPTIONS ?= "-zzstd,level=3 -C32768"
# Attempts to boot before the other slot is taken.
IMAGE_TRIES ?= "3"
# In MiB. A slot holds this version and those to come.
IMAGE_SLOT_SIZE ?= "192"
IMAGE_STATE_SIZE ?= "256"

VERITYDIR = "${WORKDIR}/verity"

DEPENDS += "erofs-utils-native zstd-native"

rootfs_trusted() {
    install -d ${IMAGE_ROOTFS}/efi ${IMAGE_ROOTFS}/var
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

python do_uki() {
    hb.uki.run(d)
}
addtask uki after do_verity

# Gets the policies for PCR 11, by which a TPM opens the state.
SIGN_PCR = "uki/hadron.efi"
# What hadron-update takes from a directory or a server.
SIGN_RELEASE = " \
    hadron_${IMAGE_VERSION}.efi=signed/hadron.efi \
    hadron_${IMAGE_VERSION}.erofs=verity/root.erofs \
    hadron_${IMAGE_VERSION}.verity=verity/root.verity \
"

addtask sign after do_verity

python do_disk() {
    hb.disk.run(d)
}
addtask disk after do_verity
