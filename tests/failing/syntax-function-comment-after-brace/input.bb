do_compile() { # build it
    make
}
PV = 1
