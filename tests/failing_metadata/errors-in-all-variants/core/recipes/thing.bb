CFLAGS = ""
BBCLASSEXTEND = "native"
do_compile[depends] = "zlib"
do_install[depends] = "x"
