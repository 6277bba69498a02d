# Without most of contrib/.
SRC_URI = "debsrc://zlib/trixie/zlib_1.3.dfsg+really1.3.1.orig.tar.gz"
SRC_URI[sha256sum] = "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb"
