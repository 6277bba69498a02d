python () {
    bb.fatal("this recipe needs a ", d.getVar("MACHINE"))
}
