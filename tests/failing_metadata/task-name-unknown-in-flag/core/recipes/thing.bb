CFLAGS = ""
do_compile[prefuncs] = "prepare_it"
python prepare_that() {
    pass
}
