CFLAGS = ""
do_compile[depends] = "zlib"
do_install[sstate-inputdirs] = "/elsewhere"
do_fetch[builtin] = "fetsch"
