SUMMARY = "Shows the tests that version 2 runs, and can break it"
HOMEPAGE = "https://github.com/kairos-io/hadron"
LICENSE = "Apache-2.0"

SRC_URI = "file://hadron-test.service"
INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install() {
    units=${D}${prefix}/lib/systemd/system
    install -D -m 0644 ${UNPACKDIR}/hadron-test.service $units/hadron-test.service
    install -d $units/multi-user.target.wants ${D}${sysconfdir}
    ln -s ../hadron-test.service $units/multi-user.target.wants/
    echo 2 > ${D}${sysconfdir}/hadron-test
}

FILES:${PN} = "${prefix}/lib ${sysconfdir}"
RDEPENDS:${PN} = "systemd busybox"
