do_a() {
    true

do_b() {
    true
}
