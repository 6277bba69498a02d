inherit base_c
base_b_do_x() {
    base_a_do_x
    b
}
fakeroot base_b_do_z() {
    z
}
EXPORT_FUNCTIONS do_x do_z
