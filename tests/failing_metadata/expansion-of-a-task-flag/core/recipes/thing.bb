do_compile[depends] = "${@missing_function(d)}:do_install"
