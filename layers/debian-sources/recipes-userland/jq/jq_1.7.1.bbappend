# The archive of the tag: the release without what autoconf makes of it.
SRC_URI = "debsrc://jq/trixie/jq_1.7.1.orig.tar.gz"
SRC_URI[sha256sum] = "fc75b1824aba7a954ef0886371d951c3bf4b6e0a921d1aefc553f309702d6ed1"
S = "${UNPACKDIR}/jq-jq-${PV}"
