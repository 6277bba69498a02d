# The same tag by another way: only the directory's name differs.
DRACUT_ARCHIVE = "debsrc://dracut/trixie/dracut_106.orig.tar.gz"
SRC_URI[sha256sum] = "d84018a4f3b6713959e0751f1ee0ca2045bfbfdfb41c6540e27c8e85b9c16d66"
S = "${UNPACKDIR}/dracut-ng-dracut-ng-3e4cfdd"
