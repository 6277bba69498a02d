SUMMARY = "Reads JSON in shell scripts"
HOMEPAGE = "https://jqlang.org/"
LICENSE = "MIT"

SRC_URI = "https://github.com/jqlang/jq/releases/download/jq-${PV}/jq-${PV}.tar.gz"
SRC_URI[sha256sum] = "478c9ca129fd2e3443fe27314b455e211e0d8c60bc8ff7df703873deeed580c2"

inherit autotools

# Without regular expressions, which would need one more library; and its own library isn't for others.
EXTRA_OECONF = "--disable-shared --enable-static --without-oniguruma --disable-docs --disable-maintainer-mode --disable-valgrind"

# Also from the tag's archive: there the version is git's, and there is no configure script.
do_configure:prepend() {
    printf '#!/bin/sh\nprintf %%s ${PV}\n' > ${S}/scripts/version
    (cd ${S} && autoreconf -fi)
}

# What `jq --build-configuration` says would hold paths of the build.
do_configure:append() {
    mkdir -p ${B}/src
    echo '#define JQ_CONFIG "${EXTRA_OECONF}"' > ${B}/src/config_opts.inc
}
