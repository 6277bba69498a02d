one_do_x() {
    one
}
one_do_y() {
    one
}
python one_do_w() {
    pass
}
do_y[dirs] = "a"
do_y[cleandirs] = "b"
EXPORT_FUNCTIONS do_x do_y do_w do_v
python one_do_v() {
    pass
}
