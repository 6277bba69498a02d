do_compile {
    make
}
