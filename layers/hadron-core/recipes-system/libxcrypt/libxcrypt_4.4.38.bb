SUMMARY = "Hashes of passwords, yescrypt among them"
DESCRIPTION = "Takes the place of musl's crypt.h and libcrypt.a, which musl's recipe leaves out: those know neither yescrypt \
nor how to make a salt."
HOMEPAGE = "https://github.com/besser82/libxcrypt"
LICENSE = "LGPL-2.1-or-later"

SRC_URI = "https://github.com/besser82/libxcrypt/releases/download/v${PV}/libxcrypt-${PV}.tar.xz"
SRC_URI[sha256sum] = "80304b9c306ea799327f01d9a7549bdb28317789182631f1b54f4511b4206dd6"

inherit autotools

# What is obsolete exists for old programs linked with glibc only.
EXTRA_OECONF = "--enable-hashes=strong,sha256crypt,sha512crypt --enable-obsolete-api=no --disable-failure-tokens --disable-xcrypt-compat-files --disable-werror"

FILES:${PN} = "${libdir}/*.so.*"
