# The archive's own source package; its certdata.txt is the same file.
SRC_URI = " \
    debsrc://ca-certificates/trixie/ca-certificates_20250419.tar.xz;name=archive \
    file://certdata_bundle.py \
"
SRC_URI[archive.sha256sum] = "33b44ef78653ecd3f0f2f13e5bba6be466be2e7da72182f737912b81798ba5d2"
CERTDATA = "${UNPACKDIR}/ca-certificates/mozilla/certdata.txt"
