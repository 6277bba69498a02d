do_compile[] = "1"
