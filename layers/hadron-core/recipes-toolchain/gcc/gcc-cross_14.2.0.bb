SUMMARY = "C and C++ compiler for the target, with its run-time libraries"
DESCRIPTION = "Built in one go: the compiler, a static libgcc, a private musl to link against, the shared libgcc and libstdc++. \
The private musl only lends its headers and symbols; the system's own is built by the finished compiler."
HOMEPAGE = "https://gcc.gnu.org/"
LICENSE = "GPL-3.0-or-later WITH GCC-exception-3.1 AND MIT"

DEPENDS = "binutils-cross gmp-native mpfr-native mpc-native zlib-native"
PROVIDES += "virtual/cross-cc"

MUSL_VERSION = "1.2.6"

GCC_ARCHIVE = "https://ftp.gnu.org/gnu/gcc/gcc-${PV}/gcc-${PV}.tar.xz"
SRC_URI = " \
    ${GCC_ARCHIVE};name=gcc \
    https://musl.libc.org/releases/musl-${MUSL_VERSION}.tar.gz;name=musl \
"
SRC_URI[gcc.sha256sum] = "a7b39bc69cbf9e25826c5a60ab26477001f7c08d85cec04bc0e29cabed6f3cc9"
SRC_URI[musl.sha256sum] = "d585fd3b613c66151fc3249e8ed44f77020cb5e6c1e635a616d3f9f82460512a"

inherit toolchain

S = "${UNPACKDIR}/gcc-${PV}"
MUSL = "${UNPACKDIR}/musl-${MUSL_VERSION}"
BUILD_SYSROOT = "${WORKDIR}/build-sysroot"

EXTRA_OECONF = " \
    ${TOOLCHAIN_OECONF} --with-build-sysroot=${BUILD_SYSROOT} --with-native-system-header-dir=/usr/include \
    --with-gmp=${prefix} --with-mpfr=${prefix} --with-mpc=${prefix} --without-isl --without-zstd \
    --enable-languages=c,c++ --disable-bootstrap --disable-lto --disable-plugin --disable-analyzer --disable-libcc1 \
    --disable-libsanitizer --disable-libgomp --disable-libquadmath --disable-libvtv --disable-libssp --disable-libitm --disable-libatomic \
    --enable-initfini-array --enable-default-pie --enable-default-ssp --enable-checking=release --enable-linker-build-id \
    --with-linker-hash-style=gnu --with-gxx-include-dir=${prefix}/${TARGET_SYS}/include/c++/${PV} \
"
# For the libraries of the target; the variables of the environment are for the compiler itself.
export CFLAGS_FOR_TARGET = "-O2 -g0 -pipe"
export CXXFLAGS_FOR_TARGET = "-O2 -g0 -pipe"
export LDFLAGS_FOR_TARGET = "${TARGET_LDFLAGS}"

# The variables that name tools would be taken for the target's, too.
gcc_clean_environment() {
    unset CPP LD AR AS NM RANLIB STRIP OBJCOPY OBJDUMP READELF STRINGS CC_FOR_BUILD CXX_FOR_BUILD
    unset BUILD_CC BUILD_CXX BUILD_CPP BUILD_LD BUILD_AR BUILD_NM BUILD_RANLIB BUILD_STRIP
}

do_configure() {
    gcc_clean_environment
    # It only checks a document, which isn't in every archive of the source.
    grep -q '^s-tm-texi:' ${S}/gcc/Makefile.in || bbfatal "gcc/Makefile.in has changed: no rule for s-tm-texi"
    perl -0pi -e 's/^s-tm-texi:[^\n]*\n(?:\t[^\n]*\n)*//mg; $_ .= "\ns-tm-texi:\n\t\$(STAMP) s-tm-texi\n"' ${S}/gcc/Makefile.in
    # libgcc and the compiler's configure script look at the C library's headers before there is a compiler for it.
    mkdir -p ${WORKDIR}/musl-headers
    cd ${WORKDIR}/musl-headers
    CC=gcc CFLAGS= LDFLAGS= ${MUSL}/configure --target=${TARGET_SYS} --prefix=/usr
    oe_runmake DESTDIR=${BUILD_SYSROOT} install-headers
    cd ${B}
    oe_runconf
}

do_compile() {
    gcc_clean_environment
    oe_runmake all-gcc
    oe_runmake enable_shared=no all-target-libgcc

    mkdir -p ${WORKDIR}/musl-build
    cd ${WORKDIR}/musl-build
    CC="${B}/gcc/xgcc -B${B}/gcc/" CFLAGS="${CFLAGS_FOR_TARGET}" LDFLAGS="" LIBCC="${B}/gcc/libgcc.a" \
        ${MUSL}/configure --target=${TARGET_SYS} --prefix=/usr --syslibdir=/usr/lib --disable-gcc-wrapper CROSS_COMPILE=${TARGET_PREFIX}
    oe_runmake
    oe_runmake DESTDIR=${BUILD_SYSROOT} install

    cd ${B}
    oe_runmake -C ${TARGET_SYS}/libgcc distclean
    oe_runmake enable_shared=yes all-target-libgcc
    oe_runmake all-target-libstdc++-v3
}

# hbake: disable=HBW405  gcc installs no name with a blank
do_install() {
    gcc_clean_environment
    oe_runmake DESTDIR=${D} install-gcc install-target-libgcc install-target-libstdc++-v3

    # The libraries that programs are linked with go to the sysroot, so that linkers and packages find them in one place.
    tool=${D}${prefix}/${TARGET_SYS}
    install -d ${D}/usr/lib
    for dir in $tool/lib $tool/lib64; do
        [ -d $dir ] || continue
        for name in libgcc_s libstdc++ libsupc++; do
            for file in $dir/$name.so* $dir/$name.a; do
                case $file in
                *-gdb.py) rm -f $file ;;
                *) [ ! -e $file ] || mv $file ${D}/usr/lib/ ;;
                esac
            done
        done
        rm -rf $dir
    done
    ${TARGET_PREFIX}strip --strip-unneeded ${D}/usr/lib/*.so.*[0-9]
    toolchain_trim
    ln -sf ${TARGET_PREFIX}gcc ${D}${bindir}/${TARGET_PREFIX}cc
}
