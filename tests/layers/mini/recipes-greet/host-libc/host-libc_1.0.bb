SUMMARY = "The host's C library, so that an image is complete"
LICENSE = "LGPL-2.1-or-later"

INHIBIT_DEFAULT_DEPS = "1"
BASEDEPENDS = ""
PROVIDES += "virtual/cross-binutils"
INHIBIT_PACKAGE_STRIP = "1"

do_install() {
    for name in libc.so.6 ld-linux-x86-64.so.2; do
        install -D -m 0755 "$(gcc -print-file-name=$name)" ${D}${libdir}/$name
    done
}
