SUMMARY = "Filters of system calls"
HOMEPAGE = "https://github.com/seccomp/libseccomp"
LICENSE = "LGPL-2.1-only"

# The release's archive; the tag's has no configure script.
SRC_URI = "https://github.com/seccomp/libseccomp/releases/download/v${PV}/libseccomp-${PV}.tar.gz"
SRC_URI[sha256sum] = "83b6085232d1588c379dc9b9cae47bb37407cf262e6e74993c61ba72d2a784dc"

inherit autotools

EXTRA_OECONF = "--disable-python"

PACKAGES =+ "${PN}-bin"
FILES:${PN}-bin = "${bindir}"
FILES:${PN} = "${libdir}/*.so.*"
