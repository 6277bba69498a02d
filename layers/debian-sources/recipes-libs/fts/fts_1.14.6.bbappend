SRC_URI = "debsrc://mdocml/trixie/mdocml_1.14.6.orig.tar.gz"
