do_compile() {
    for x in a b; do
        case $x in
            a) echo "${@"'" + '"'}" ;;
        esac
}
do_install:append() {
    if [ -n "$x" ]; then
        (cd x && echo 'it is
    fi
}
python do_install2() {
    if True:
        pass
}
