SUMMARY = "Tools that make read-only EROFS filesystems"
HOMEPAGE = "https://erofs.docs.kernel.org/"
LICENSE = "GPL-2.0-or-later AND (GPL-2.0-or-later OR Apache-2.0)"

SRC_URI = "https://github.com/erofs/erofs-utils/archive/refs/tags/v${PV}.tar.gz;downloadfilename=erofs-utils-${PV}.tar.gz"
SRC_URI[sha256sum] = "5b221dc3fd6d151425b30534ede46fb7a90dc233a8659cba0372796b0a066547"

DEPENDS = "util-linux-native zlib-native zstd-native"
S = "${UNPACKDIR}/erofs-utils-${PV}"

inherit autotools native

# The tag's archive has no configure script.
do_configure:prepend() {
    (cd ${S} && autoreconf -fi)
}

EXTRA_OECONF = "--disable-fuse --disable-lz4 --disable-lzma --without-selinux --with-uuid --with-zlib --with-libzstd --without-libdeflate --without-xxhash --without-qpl"
