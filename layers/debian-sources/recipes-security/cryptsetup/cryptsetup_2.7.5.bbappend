# The repository's state at the release.
SRC_URI = "debsrc://cryptsetup/trixie/cryptsetup_2.7.5.orig.tar.gz"
SRC_URI[sha256sum] = "66f82757456411353216def2e93ee6f82e1dc5c8b583cb9b1c84ecb918b60980"
