DEPENDS = "zlib"
    xz \
    lz4
PV = "1"
