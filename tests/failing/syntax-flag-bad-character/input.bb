do_compile[no exec] = "1"
