SUMMARY = "XML parser"
HOMEPAGE = "https://libexpat.github.io/"
LICENSE = "MIT"

# The tag's archive; it is read by cmake alone.
SRC_URI = "https://github.com/libexpat/libexpat/archive/refs/tags/R_${@d.getVar('PV').replace('.', '_')}.tar.gz;downloadfilename=libexpat-R_${@d.getVar('PV').replace('.', '_')}.tar.gz"
SRC_URI[sha256sum] = "533659a16e0184035a99fd8e783f1ad61a887a7bf8586a8681740b9d7ed42389"

S = "${UNPACKDIR}/libexpat-R_${@d.getVar('PV').replace('.', '_')}/expat"

inherit cmake

EXTRA_OECMAKE = "-DEXPAT_BUILD_EXAMPLES=OFF -DEXPAT_BUILD_TESTS=OFF -DEXPAT_BUILD_DOCS=OFF -DEXPAT_BUILD_TOOLS=OFF -DEXPAT_SHARED_LIBS=ON"

# Assertions name their source file.
TARGET_CFLAGS += "-fmacro-prefix-map=${UNPACKDIR}/="

FILES:${PN} = "${libdir}/*.so.*"
