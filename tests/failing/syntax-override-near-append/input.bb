DEPENDS:appendd = " zlib"
DEPENDS:remove:class-native = "x"
RDEPENDS:${PN}:prepned = "y"
