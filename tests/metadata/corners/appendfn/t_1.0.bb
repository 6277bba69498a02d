OVERRIDES = "o:t"
do_x() {
    a
}
do_x:append:o() {
    b
}
do_x:append:nope() {
    c
}
do_x:prepend() {
    p
}
do_x:remove = "a"
do_y:o() {
    y
}
do_y:append() {
    z
}
python do_z:prepend() {
    q
}
do_w[noexec] = "1"
do_w:append() {
    only
}
