CFLAGS = ""
do_compile[dirs] = "${@nothing_here}"
