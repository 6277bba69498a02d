# Without the few files whose licence isn't free; none of them is built here.
LINUX_ARCHIVE = "debsrc://linux/trixie/linux_6.12.107.orig.tar.xz"
SRC_URI[sha256sum] = "efc76d3c78a5d65f42724118c437d11db1c9f6309a5f024ee9a8b1978fdc6919"
