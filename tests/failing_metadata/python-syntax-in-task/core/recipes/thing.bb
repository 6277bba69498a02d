python do_thing() {
    x = = 1
}
addtask thing
