inherit base_a
inherit base_b
do_y() {
    own
}
addtask x
addtask y
