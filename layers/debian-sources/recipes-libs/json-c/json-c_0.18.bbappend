# The tag's archive, packed anew.
SRC_URI = "debsrc://json-c/trixie/json-c_0.18+ds.orig.tar.xz"
SRC_URI[sha256sum] = "f6439962c9622c1f9f4746d5b3daf5e0800c335281b048fab00159f2a29d7daa"
S = "${UNPACKDIR}/json-c-json-c-0.18-20240915"
