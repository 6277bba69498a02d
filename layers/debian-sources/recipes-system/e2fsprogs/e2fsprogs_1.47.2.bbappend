# The repository's state at the release.
SRC_URI = "debsrc://e2fsprogs/trixie/e2fsprogs_1.47.2.orig.tar.gz"
SRC_URI[sha256sum] = "6dcd67ff9d8b13274ba3f088e4318be4f5b71412cd863524423fc49d39a6371f"
