# The archive's tarball is compressed with xz and lacks a few documents; the program is the same.
SRC_URI = "debsrc://bash/trixie/bash_5.2.37.orig.tar.xz"
SRC_URI[sha256sum] = "370704c9c859f4060b7df19055e43bb9b5fa09d887699cf6ba87885c5485d36a"
