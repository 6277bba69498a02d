DEPENDS = "${@[][1]}"
