# The tag's archive, packed anew.
SRC_URI = "debsrc://lvm2/trixie/lvm2_2.03.31.orig.tar.xz"
SRC_URI[sha256sum] = "5541d15f739bc62263b551b1d8091ea8fc889a31ed20cdc58ff9f7192d8ecd4a"
