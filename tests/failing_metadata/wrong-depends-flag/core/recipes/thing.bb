do_compile[depends] = "zlib"
