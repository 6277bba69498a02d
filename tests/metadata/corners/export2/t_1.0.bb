do_x() {
    own
}
inherit one
do_y() {
    own
}
do_z:foo() {
    v
}
OVERRIDES = "foo"
