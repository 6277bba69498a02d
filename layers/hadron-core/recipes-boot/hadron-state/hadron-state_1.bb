SUMMARY = "Keeps what changes on a partition of its own, under a root that can't be written"
HOMEPAGE = "https://github.com/kairos-io/hadron"
LICENSE = "Apache-2.0"

SRC_URI = "file://var.mount file://efi.mount file://hadron-etc.service file://hadron-etc file://40-hadron-state.preset"
INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install() {
    install -d ${D}${prefix}/lib/systemd/system/local-fs.target.wants ${D}${prefix}/lib/hadron
    install -m 0644 ${UNPACKDIR}/var.mount ${UNPACKDIR}/efi.mount ${UNPACKDIR}/hadron-etc.service ${D}${prefix}/lib/systemd/system/
    install -D -m 0644 ${UNPACKDIR}/40-hadron-state.preset ${D}${prefix}/lib/systemd/system-preset/40-hadron-state.preset
    install -m 0755 ${UNPACKDIR}/hadron-etc ${D}${prefix}/lib/hadron/etc
    for unit in var.mount efi.mount hadron-etc.service; do
        ln -s ../$unit ${D}${prefix}/lib/systemd/system/local-fs.target.wants/
    done
}

FILES:${PN} = "${prefix}/lib"
RDEPENDS:${PN} = "systemd util-linux coreutils"
