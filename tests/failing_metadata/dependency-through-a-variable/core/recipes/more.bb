DEPENDS = "${@' '.join(['a' + '-lib'])}"
