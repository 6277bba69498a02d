SUMMARY = "A library that knows a greeting"
LICENSE = "MIT"

SRC_URI = "file://greet.c file://greet.h"
S = "${UNPACKDIR}"

do_compile() {
    ${CC} ${CPPFLAGS} ${CFLAGS} -fPIC -shared -Wl,-soname,libgreet.so.1 ${LDFLAGS} -o libgreet.so.1 greet.c
}

do_install() {
    install -D -m 0644 greet.h ${D}${includedir}/greet.h
    install -D -m 0755 libgreet.so.1 ${D}${libdir}/libgreet.so.1
    ln -s libgreet.so.1 ${D}${libdir}/libgreet.so
}
