do_compile[builtin] = "magic"
