PROVIDES += "${@bb.utils.contains("DISTRO_FEATURES", "x11", "x", d)}"
