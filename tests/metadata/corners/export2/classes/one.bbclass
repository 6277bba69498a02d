EXPORT_FUNCTIONS do_x do_y do_z
one_do_x() {
    1
}
one_do_y() {
    1
}
one_do_z() {
    1
}
