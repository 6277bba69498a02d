SUMMARY = "Extended attributes of files: library and tools"
HOMEPAGE = "https://savannah.nongnu.org/projects/attr/"
LICENSE = "LGPL-2.1-or-later & GPL-2.0-or-later"

SRC_URI = " \
    https://download.savannah.nongnu.org/releases/attr/attr-${PV}.tar.xz \
    file://0001-tools-attr-declare-basename-by-libgen.h.patch \
"
SRC_URI[sha256sum] = "f2e97b0ab7ce293681ab701915766190d607a1dba7fae8a718138150b700a70b"

inherit autotools

EXTRA_OECONF = "--disable-nls"

PACKAGES =+ "libattr"
FILES:libattr = "${libdir}/libattr.so.* ${sysconfdir}/xattr.conf"
