do_compile() {
    make
    }

inherit cmake
PV = 2
