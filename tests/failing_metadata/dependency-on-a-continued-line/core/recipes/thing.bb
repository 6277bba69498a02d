SUMMARY = "needs openssl-dev of old"
DEPENDS = "\
    zlib \
    openssl-dev \
"
RDEPENDS:${PN} += "bash-completion"
