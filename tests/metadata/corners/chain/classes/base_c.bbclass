python base_c_do_x() {
    pass
}
EXPORT_FUNCTIONS do_x
python base_c_do_w() {
    pass
}
EXPORT_FUNCTIONS do_w
