do_compile[@x] = "1"
