function do_check() {
    true
}
