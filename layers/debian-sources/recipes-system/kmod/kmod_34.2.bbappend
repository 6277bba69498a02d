# The tag's files, not the release's: no configure script, which meson doesn't need.
SRC_URI = "debsrc://kmod/trixie/kmod_34.2.orig.tar.xz"
SRC_URI[sha256sum] = "012d16e2099115486d8aa9f2c2a23d058d3d0cad83113a60512647d25d3869e8"
