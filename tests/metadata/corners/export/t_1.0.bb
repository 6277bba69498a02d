inherit one two
do_x() {
    own
}
do_v:append() {
    appended
}
