# Without the files for other systems' compilers, and the examples.
SRC_URI = "debsrc://libzstd/trixie/libzstd_1.5.7+dfsg.orig.tar.xz"
SRC_URI[sha256sum] = "0c092ef267edce57ba7f3f2645c861f72eaf5e76273c6c3632869423464b90a5"
