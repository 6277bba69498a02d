inherit chain
python () {
    outer(d)
}
CFLAGS = ""
