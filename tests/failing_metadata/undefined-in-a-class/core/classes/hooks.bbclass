HOOKDIR = "/x"
do_compile() {
    echo ${EXTRA_HOOKS} ${HOKDIR} ${HOOKDIR}
}
