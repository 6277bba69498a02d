CFLAGS = ""
SRC_URI = "${MIRROR}/thing-${PV}.tar.gz"
MIRROR = "https://${HOSTS}/pub"
do_fetch[sysroot-depends] = "${NOBODY}"
