PV = "1.0"
DEPENDS = "zlib \
