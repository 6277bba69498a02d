SUMMARY = "Complex arithmetic of any precision, with correct rounding"
HOMEPAGE = "https://www.multiprecision.org/mpc/"
LICENSE = "LGPL-3.0-or-later"

DEPENDS = "gmp mpfr"

SRC_URI = "https://ftp.gnu.org/gnu/mpc/mpc-${PV}.tar.gz"
SRC_URI[sha256sum] = "ab642492f5cf882b74aa0cb730cd410a81edcdbec895183ce930e706c1c759b8"

inherit autotools

BBCLASSEXTEND = "native"
