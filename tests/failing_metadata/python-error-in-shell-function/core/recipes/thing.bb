do_compile() {
    echo start
    echo ${@1 / 0}
}
