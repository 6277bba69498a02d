inherit helper
DEPENDS = "zlib ${@names_of(d, 'EXTRA')}"
