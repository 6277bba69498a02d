# The tag's files, not the release's: no configure script.
SRC_URI = "debsrc://libxcrypt/trixie/libxcrypt_4.4.38.orig.tar.xz"
SRC_URI[sha256sum] = "6a275a356622c64ba9f693892215dbb399c003a7a4afeed9c4c74070eaab20f4"
AUTORECONF = "1"
