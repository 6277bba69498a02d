CFLAGS:class-native = "-O2"
do_compile() {
    echo ${CFLAGS}
}
