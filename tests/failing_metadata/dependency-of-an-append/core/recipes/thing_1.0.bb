DEPENDS = "zlib"
