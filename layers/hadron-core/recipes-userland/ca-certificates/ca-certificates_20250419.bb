SUMMARY = "Certificate authorities trusted by Mozilla, as one bundle"
DESCRIPTION = "The authorities that NSS 3.108 (root store 2.74) trusts for TLS servers."
HOMEPAGE = "https://wiki.mozilla.org/CA"
LICENSE = "MPL-2.0"

SRC_URI = " \
    https://raw.githubusercontent.com/nss-dev/nss/NSS_3_108_RTM/lib/ckfw/builtins/certdata.txt;name=certdata;unpack=0 \
    file://certdata_bundle.py \
"
SRC_URI[certdata.sha256sum] = "620fd89c02acb0019f1899dab7907db5d20735904f5a9a0d3a8771a5857ac482"

S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

CERTDATA ?= "${UNPACKDIR}/certdata.txt"

do_configure[noexec] = "1"

do_compile() {
    python3 ${UNPACKDIR}/certdata_bundle.py ${CERTDATA} ${PV} > ${WORKDIR}/ca-certificates.crt
}

do_install() {
    install -d ${D}${sysconfdir}/ssl/certs
    install -m 0644 ${WORKDIR}/ca-certificates.crt ${D}${sysconfdir}/ssl/certs/ca-certificates.crt
    # OpenSSL's default file
    ln -s certs/ca-certificates.crt ${D}${sysconfdir}/ssl/cert.pem
}

PACKAGES = "${PN}"
FILES:${PN} = "${sysconfdir}/ssl"
