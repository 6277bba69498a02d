python () {
    d.getVar('NOTHING').split()
}
