CFLAGS = ""
do_compile[cleandirs] = "${BUILDDIRR}"
