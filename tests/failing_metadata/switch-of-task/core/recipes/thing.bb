do_compile[nostamp] = "0"
do_install[noexec] = "${NO}"
NO = "no"
do_build[noexec] = "1"
