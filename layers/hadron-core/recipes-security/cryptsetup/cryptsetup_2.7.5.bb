SUMMARY = "Encrypted disks (LUKS): library and cryptsetup"
HOMEPAGE = "https://gitlab.com/cryptsetup/cryptsetup"
LICENSE = "GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception AND LGPL-2.1-or-later WITH cryptsetup-OpenSSL-exception"
DEPENDS = "json-c lvm2 openssl popt util-linux"

SRC_URI = "https://www.kernel.org/pub/linux/utils/cryptsetup/v2.7/cryptsetup-${PV}.tar.xz"
SRC_URI[sha256sum] = "d2be4395b8f503b0ebf4b2d81db90c35a97050a358ee21fe62a0dfb66e5d5522"

inherit meson

# Tokens from plugins want a versioned dlsym, which musl doesn't have.
EXTRA_OEMESON = " \
    -Dcrypto-backend=openssl -Dargon-implementation=internal -Dudev=false -Dnls=false -Dasciidoc=disabled -Dssh-token=false \
    -Dexternal-tokens=false -Dintegritysetup=false -Dfips=false -Dpwquality=false -Dpasswdqc=false \
    -Dtmpfilesdir=${prefix}/lib/tmpfiles.d \
"

do_configure:prepend() {
    # meson's files make the programs, and don't say that they are installed.
    sed -i "s/include_directories: includes_tools)/include_directories: includes_tools, install: true, install_dir: get_option('sbindir'))/" ${S}/src/meson.build
}

PACKAGES =+ "libcryptsetup veritysetup"
FILES:libcryptsetup = "${libdir}/libcryptsetup.so.*"
FILES:veritysetup = "${bindir}/veritysetup"
# For a directory that the library makes itself; meson's file says its mode in decimal numbers.
FILES:${PN}-dev += "${prefix}/lib/tmpfiles.d"
