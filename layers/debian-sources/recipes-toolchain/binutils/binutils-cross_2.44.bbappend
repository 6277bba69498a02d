# Packed anew by its maintainer, without some of the documents.
SRC_URI = "debsrc://binutils/trixie/binutils_2.44.orig.tar.xz"
SRC_URI[sha256sum] = "c41a0272424f41bb01bf828e7ffef1b2d59d1788064fd6b5f1d971717e9320b8"
