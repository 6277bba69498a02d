# A signed medium, a CD or a stick, for UEFI: a live system that is one program, the keys that it enrols in a machine in setup mode,
# and with ISO_INSTALLS the disk of another image, which its installer writes.
#
# do_rootfs -> do_initrd -> do_uki -> do_sign -> do_iso.

inherit usi-image

# At most 16 capital letters, digits and underscores: by it the system finds its medium.
ISO_LABEL ?= "HADRON_TRUSTED"
ISO_INSTALLS ?= ""

do_uki[depends] += "${@d.getVar('ISO_INSTALLS') and '${ISO_INSTALLS}:do_disk'}"
python do_uki() {
    hb.trustediso.program(d)
}

do_iso[cleandirs] = "${IMGDEPLOYDIR}"
do_iso[sysroot-depends] = "${DEPENDS}"
do_iso[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_iso[sstate-outputdirs] = "deploy/images/${MACHINE}"
python do_iso() {
    hb.trustediso.run(d)
}
addtask iso after do_sign do_uki before do_build
deltask do_disk
