pyhton do_check() {
    pass
}
