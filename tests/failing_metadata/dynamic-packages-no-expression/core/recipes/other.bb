RDEPENDS:${PN} = "thing-locale"
