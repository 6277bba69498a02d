CFLAGS = ""
python () {
    bb.warn("this is old")
}
