# Without documents whose licence isn't free.
SRC_URI = "debsrc://popt/trixie/popt_1.19+dfsg.orig.tar.xz"
SRC_URI[sha256sum] = "4cd0cd2963d0c4078f65949599d97135c15ee6c09cf3a36a9a1b2753025bb06b"
