SUMMARY = "JSON reader and writer, a C library"
HOMEPAGE = "https://github.com/json-c/json-c"
LICENSE = "MIT"

SRC_URI = "https://s3.amazonaws.com/json-c_releases/releases/json-c-${PV}.tar.gz"
SRC_URI[sha256sum] = "876ab046479166b869afc6896d288183bbc0e5843f141200c677b3e8dfb11724"

inherit cmake

EXTRA_OECMAKE = "-DBUILD_STATIC_LIBS=OFF -DBUILD_TESTING=OFF -DBUILD_APPS=OFF -DDISABLE_WERROR=ON"

# Assertions name their source file.
TARGET_CFLAGS += "-fmacro-prefix-map=${S}/="
