RDEPENDS_thing = "bash"
FILES_${PN}-dev += "/x"
SRC_URI_append_box = " file://y"
