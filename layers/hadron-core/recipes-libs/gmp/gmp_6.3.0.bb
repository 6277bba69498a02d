SUMMARY = "Arithmetic on numbers of any size"
HOMEPAGE = "https://gmplib.org/"
LICENSE = "GPL-2.0-or-later OR LGPL-3.0-or-later"

SRC_URI = "https://ftp.gnu.org/gnu/gmp/gmp-${PV}.tar.xz"
SRC_URI[sha256sum] = "a3c2b80201b89e68616f4ad30bc66aee4927c3ce50e33929ca819d5c43538898"

inherit autotools

# Its C++ interface has no user here. The assembler code must not depend on the machine that builds.
EXTRA_OECONF = "--disable-cxx --enable-fat"
EXTRA_OECONF:class-native = "--disable-cxx"

BBCLASSEXTEND = "native"
