EXPORT_FUNCTIONS do_y do_w
two_do_y() {
    one_do_y
}
two_do_w() {
    shell
}
