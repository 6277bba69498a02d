A = "${B}"
B:nope = "x"
C = "${@d.getVar('B') or 'none'}"
D:append = "${NOPE}"
