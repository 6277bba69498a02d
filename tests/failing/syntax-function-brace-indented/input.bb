do_compile() {
    make
 }
