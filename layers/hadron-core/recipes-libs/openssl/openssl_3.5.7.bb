SUMMARY = "TLS and cryptography library, and its command line tool"
HOMEPAGE = "https://www.openssl.org/"
LICENSE = "Apache-2.0"

SRC_URI = "https://github.com/openssl/openssl/releases/download/openssl-${PV}/openssl-${PV}.tar.gz"
SRC_URI[sha256sum] = "a8c0d28a529ca480f9f36cf5792e2cd21984552a3c8e4aa11a24aa31aeac98e8"

OPENSSL_TARGET = "linux-x86_64"
OPENSSL_TARGET:aarch64 = "linux-aarch64"
OPENSSL_OPTIONS ?= "shared threads enable-ktls no-tests no-docs no-zlib no-ssl3-method no-weak-ssl-ciphers no-engine no-afalgeng"

# 25,000 addresses are put right in each program that has this library: in one bit each, instead of 24 bytes.
TARGET_LDFLAGS += "-Wl,-z,pack-relative-relocs"

# In the source directory, so that file names in messages are short and the same everywhere.
B = "${S}"

do_configure() {
    perl ./Configure ${OPENSSL_TARGET} --prefix=${prefix} --libdir=lib --openssldir=${sysconfdir}/ssl ${OPENSSL_OPTIONS}
    # `openssl version -f` is to tell the flags, not where the compiler was.
    sed -i '/mkbuildinf\.pl/s/"\$(CC) /"gcc /' Makefile
    grep -q 'mkbuildinf.pl "gcc ' Makefile || bbfatal "the rule for buildinf.h looks different now"
}

do_compile() {
    oe_runmake build_sw
}

do_install() {
    oe_runmake DESTDIR=${D} install_sw install_ssldirs
    # Perl scripts for a toy certificate authority, and an example of the configuration.
    rm -rf ${D}${sysconfdir}/ssl/misc ${D}${sysconfdir}/ssl/*.dist ${D}${bindir}/c_rehash
    rm -rf ${D}${libdir}/*.a ${D}${libdir}/engines-3
    chmod 0700 ${D}${sysconfdir}/ssl/private
}

PACKAGES =+ "libcrypto libssl ${PN}-bin ${PN}-modules ${PN}-conf"
FILES:libcrypto = "${libdir}/libcrypto.so.*"
FILES:libssl = "${libdir}/libssl.so.*"
FILES:${PN}-bin = "${bindir}/openssl"
FILES:${PN}-modules = "${libdir}/ossl-modules"
FILES:${PN}-conf = "${sysconfdir}/ssl"
RRECOMMENDS:libcrypto = "${PN}-conf"
# By its own name: all of it.
ALLOW_EMPTY:${PN} = "1"
RDEPENDS:${PN} = "libcrypto libssl ${PN}-bin ${PN}-modules ${PN}-conf"
