SUMMARY = "Compression library and tools, LZMA2"
HOMEPAGE = "https://tukaani.org/xz/"
LICENSE = "0BSD AND GPL-2.0-or-later"

SRC_URI = "https://github.com/tukaani-project/xz/releases/download/v${PV}/xz-${PV}.tar.xz"
SRC_URI[sha256sum] = "0b54f79df85912504de0b14aec7971e3f964491af1812d83447005807513cd9e"

inherit autotools

EXTRA_OECONF = "--disable-nls --disable-doc --disable-lzmainfo"

PACKAGES =+ "liblzma"
FILES:liblzma = "${libdir}/liblzma.so.*"

BBCLASSEXTEND = "native"
