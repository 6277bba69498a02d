DEPENDS_append = " zlib"
