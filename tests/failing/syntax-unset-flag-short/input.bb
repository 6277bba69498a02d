unset do_compile[x]
