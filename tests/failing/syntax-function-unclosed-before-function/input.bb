do_compile() {
    make

python do_check() {
    pass
}
