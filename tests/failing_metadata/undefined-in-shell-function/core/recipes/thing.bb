do_compile() {
    for item in a b; do
        echo ${item} ${HOME} ${undefined_of_the_shell}
    done
    LOCAL=1
    echo ${LOCAL} \${ESCAPED} ${WITH:-default}
    helper
    install -d ${DESTDRI}${bindir}
}
helper() {
    echo ${CFLAGZ}
}
CFLAGS = "-O2"
bindir = "/usr/bin"
