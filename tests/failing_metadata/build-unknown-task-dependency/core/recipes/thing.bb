CFLAGS = ""
do_compile[depends] = "zlib:do_instal zlibb:do_install"
