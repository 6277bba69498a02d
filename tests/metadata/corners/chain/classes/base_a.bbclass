base_a_do_x() {
    a
}
base_a_do_y() {
    ay
}
do_x[dirs] = "ad"
do_x[cleandirs] = "ac"
EXPORT_FUNCTIONS do_x do_y
