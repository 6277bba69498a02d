one_do_x() {
    1x
}
one_do_y() {
    1y
}
one_do_z() {
    1z
}
EXPORT_FUNCTIONS do_x do_y do_z
