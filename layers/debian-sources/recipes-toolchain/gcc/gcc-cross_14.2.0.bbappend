# An archive in the archive, without the documents whose licence isn't free.
GCC_ARCHIVE = "debsrc://gcc-14/trixie/gcc-14_14.2.0.orig.tar.gz;nested=gcc-${PV}-dfsg.tar.xz"
SRC_URI[gcc.sha256sum] = "e162a5ef3f0077ecae598c6556908d2ab80841532df3398072a96a6df6e6aa29"
