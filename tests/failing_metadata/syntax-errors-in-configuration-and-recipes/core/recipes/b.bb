do_compile() {
    true
