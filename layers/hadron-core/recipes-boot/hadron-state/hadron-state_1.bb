SUMMARY = "Keeps what changes on a partition of its own, under a root that can't be written; and says whether a version is good"
HOMEPAGE = "https://github.com/kairos-io/hadron"
LICENSE = "Apache-2.0"

SRC_URI = " \
    file://var.mount \
    file://efi.mount \
    file://hadron-state.service \
    file://state \
    file://hadron-etc.service \
    file://hadron-etc \
    file://hadron-health.service \
    file://health \
    file://loader \
    file://loader-uki \
    file://loader-grub \
    file://hadron-bless.service \
    file://hadron-attempts \
    file://boot-complete.conf \
    file://patience.conf \
    file://no-tpm-setup.conf \
    file://40-hadron-state.preset \
"
INHIBIT_DEFAULT_DEPS = "1"
# Not for this image: databases that are made when it is built (a new state has no stamp of that), what the command line of a signed program
# can't ask for, SSH without a network, and a seed that is written to the ESP at each start.
MASKED_UNITS = " \
    systemd-boot-random-seed.service systemd-journal-catalog-update.service systemd-network-generator.service systemd-update-done.service \
"
MASKED_GENERATORS = "gpt-auto run ssh system-update"
S = "${UNPACKDIR}"

do_install() {
    units=${D}${prefix}/lib/systemd/system
    install -d $units/local-fs.target.wants $units/boot-complete.target.d ${D}${prefix}/lib/hadron/health.d
    for unit in var.mount efi.mount hadron-state.service hadron-etc.service hadron-health.service hadron-bless.service; do
        install -m 0644 ${UNPACKDIR}/$unit $units/
    done
    install -m 0644 ${UNPACKDIR}/boot-complete.conf $units/boot-complete.target.d/hadron.conf
    for unit in systemd-tpm2-setup systemd-tpm2-setup-early systemd-pcrmachine; do
        install -D -m 0644 ${UNPACKDIR}/no-tpm-setup.conf $units/$unit.service.d/hadron.conf
    done
    install -D -m 0644 ${UNPACKDIR}/patience.conf ${D}${prefix}/lib/systemd/system.conf.d/10-hadron.conf
    install -D -m 0644 ${UNPACKDIR}/40-hadron-state.preset ${D}${prefix}/lib/systemd/system-preset/40-hadron-state.preset
    install -d ${D}${sysconfdir}/systemd/system ${D}${sysconfdir}/systemd/system-generators
    for unit in ${MASKED_UNITS}; do
        ln -s /dev/null ${D}${sysconfdir}/systemd/system/$unit
    done
    for generator in ${MASKED_GENERATORS}; do
        ln -s /dev/null ${D}${sysconfdir}/systemd/system-generators/systemd-$generator-generator
    done
    install -m 0755 ${UNPACKDIR}/state ${UNPACKDIR}/health ${D}${prefix}/lib/hadron/
    install -m 0644 ${UNPACKDIR}/loader ${UNPACKDIR}/loader-uki ${UNPACKDIR}/loader-grub ${D}${prefix}/lib/hadron/
    install -D -m 0755 ${UNPACKDIR}/hadron-attempts ${D}${prefix}/lib/systemd/system-generators/hadron-attempts
    install -m 0755 ${UNPACKDIR}/hadron-etc ${D}${prefix}/lib/hadron/etc
    for unit in var.mount efi.mount hadron-etc.service; do
        ln -s ../$unit $units/local-fs.target.wants/
    done
}

FILES:${PN} = "${prefix}/lib ${sysconfdir}"
RDEPENDS:${PN} = "systemd util-linux bash coreutils e2fsprogs"
