do_x() {
    first
}
inherit one
do_x:append() {
    more
}
do_y:prepend() {
    before
}
inherit two
OVERRIDES = "o"
do_z:o() {
    oz
}
