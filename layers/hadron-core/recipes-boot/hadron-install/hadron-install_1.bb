SUMMARY = "Writes the system of a live medium to a disk"
HOMEPAGE = "https://github.com/kairos-io/hadron"
LICENSE = "Apache-2.0"

SRC_URI = "file://hadron-install"
INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install() {
    install -D -m 0755 ${UNPACKDIR}/hadron-install ${D}${bindir}/hadron-install
}

RDEPENDS:${PN} = "bash busybox coreutils e2fsprogs systemd util-linux zstd"
