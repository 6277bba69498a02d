SUMMARY = "Walks a file hierarchy, as in BSD: what the C library leaves out"
DESCRIPTION = "OpenBSD's functions in the form that mandoc carries for systems without them: physical walks, which is what modules need."
HOMEPAGE = "https://mandoc.bsd.lv/"
LICENSE = "BSD-3-Clause AND ISC"

SRC_URI = "https://mandoc.bsd.lv/snapshots/mandoc-${PV}.tar.gz"
SRC_URI[sha256sum] = "8bf0d570f01e70a6e124884088870cbed7537f36328d512909eb10cd53179d9c"

S = "${UNPACKDIR}/mandoc-${PV}"
B = "${WORKDIR}/build"

# The options that only save work, or ask for what a physical walk does anyway, are taken and have no effect.
do_compile() {
    mkdir -p ${B}
    sed -e '/define.*_FTS_H_/a #include <sys/types.h>' \
        -e '/define.*FTS_NOCHDIR/i #define FTS_COMFOLLOW 0\n#define FTS_LOGICAL 0\n#define FTS_NOSTAT 0' ${S}/compat_fts.h > ${B}/fts.h
    echo "void *recallocarray(void *, size_t, size_t, size_t);" > ${B}/config.h
    for source in fts recallocarray; do
        ${CC} ${CPPFLAGS} ${CFLAGS} -I${B} -I${S} -include stddef.h -c ${S}/compat_$source.c -o ${B}/$source.o
    done
    ${AR} rcD ${B}/libfts.a ${B}/fts.o ${B}/recallocarray.o
}

do_install() {
    install -D -m 0644 ${B}/fts.h ${D}${includedir}/fts.h
    install -D -m 0644 ${B}/libfts.a ${D}${libdir}/libfts.a
}
