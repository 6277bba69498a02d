python () {
    if d.getVar("A")
        pass
}
