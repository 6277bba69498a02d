do_compile@x() {
    true
}
