SUMMARY = "Access control lists of files: library and tools"
HOMEPAGE = "https://savannah.nongnu.org/projects/acl/"
LICENSE = "LGPL-2.1-or-later & GPL-2.0-or-later"
DEPENDS = "attr"

SRC_URI = "https://download.savannah.nongnu.org/releases/acl/acl-${PV}.tar.xz"
SRC_URI[sha256sum] = "97203a72cae99ab89a067fe2210c1cbf052bc492b479eca7d226d9830883b0bd"

inherit autotools

EXTRA_OECONF = "--disable-nls"

PACKAGES =+ "libacl"
FILES:libacl = "${libdir}/libacl.so.*"
