CFLAGS = ""
do_compile() {
    for ARCH in a b; do echo ${ARCH}; done
    read FIRST SECOND < file
    echo ${FIRST}${SECOND} ${HOME} ${name} ${#name} ${A:-b} \${LATER}
    eval $(cat vars)
    export X=1 Y=2
    if [ -n "${ASKED}" ]; then echo ${ASKED}; fi
    echo ${X}${Y} ${@'${NEVER}'}
}
