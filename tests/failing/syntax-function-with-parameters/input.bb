do_compile(d) {
    make
}
