two_do_y() {
    2y
}
two_do_y:append() {
    2ya
}
EXPORT_FUNCTIONS do_y do_nothere
