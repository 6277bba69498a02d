SUMMARY = "Upgrades the system into its other slot, and goes back"
HOMEPAGE = "https://github.com/kairos-io/hadron"
LICENSE = "Apache-2.0"

SRC_URI = "file://hadron-update"
INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install() {
    install -D -m 0755 ${UNPACKDIR}/hadron-update ${D}${bindir}/hadron-update
}

RDEPENDS:${PN} = "bash busybox coreutils jq openssl-bin systemd util-linux hadron-state"
