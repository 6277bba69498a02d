SUMMARY = "The keys whose releases a system takes, where no firmware has them"
HOMEPAGE = "https://github.com/kairos-io/hadron"
LICENSE = "Apache-2.0"

# The certificate, which is public, of the key that signs (hbake keys secureboot). To let a key be followed by another one, have
# versions that trust both: more certificates in SRC_URI.
HB_SECUREBOOT_KEYS ?= "${TOPDIR}/keys/secureboot"
FILESEXTRAPATHS:prepend = "${HB_SECUREBOOT_KEYS}:"
SRC_URI = "file://db.crt"
INHIBIT_DEFAULT_DEPS = "1"
S = "${UNPACKDIR}"

do_install() {
    install -d ${D}${prefix}/lib/hadron/keys
    find ${UNPACKDIR} -name '*.crt' -exec install -m 0644 {} ${D}${prefix}/lib/hadron/keys/ \;
}

FILES:${PN} = "${prefix}/lib/hadron"
