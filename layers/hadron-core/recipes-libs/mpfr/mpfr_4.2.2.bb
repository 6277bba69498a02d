SUMMARY = "Floating-point arithmetic of any precision, with correct rounding"
HOMEPAGE = "https://www.mpfr.org/"
LICENSE = "LGPL-3.0-or-later"

DEPENDS = "gmp"

SRC_URI = "https://ftp.gnu.org/gnu/mpfr/mpfr-${PV}.tar.xz"
SRC_URI[sha256sum] = "b67ba0383ef7e8a8563734e2e889ef5ec3c3b898a01d00fa0a6869ad81c6ce01"

inherit autotools

BBCLASSEXTEND = "native"
