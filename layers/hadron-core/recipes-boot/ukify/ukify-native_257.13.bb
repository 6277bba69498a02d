SUMMARY = "Puts kernel, command line and stub together in one EFI program"
HOMEPAGE = "https://systemd.io/"
LICENSE = "LGPL-2.1-or-later"

# Of the very version of the stub. It is one file of Python, which wants nothing to be built.
SRC_URI = "https://github.com/systemd/systemd/archive/refs/tags/v${PV}.tar.gz;downloadfilename=systemd-${PV}.tar.gz"
SRC_URI[sha256sum] = "1eb7d5f9ff8a426ff880a3cded9ce819613ba8003ac5ddde9eca162f14ddabe7"

S = "${UNPACKDIR}/systemd-${PV}"

inherit native

do_install() {
    install -d ${D}${bindir}
    sed -e 's/{{PROJECT_VERSION}}/${PV}/' -e 's/{{VERSION_TAG}}/${PV}/' ${S}/src/ukify/ukify.py > ${D}${bindir}/ukify
    chmod 0755 ${D}${bindir}/ukify
}
