do_compile[deptask] = "do_install"
