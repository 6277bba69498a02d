SUMMARY = "Reads command lines, a C library"
HOMEPAGE = "https://github.com/rpm-software-management/popt"
LICENSE = "MIT"

SRC_URI = "http://ftp.rpm.org/popt/releases/popt-1.x/popt-${PV}.tar.gz"
SRC_URI[sha256sum] = "c25a4838fc8e4c1c8aacb8bd620edb3084a3d63bf8987fdad3ca2758c63240f9"

inherit autotools

EXTRA_OECONF = "--disable-nls"
