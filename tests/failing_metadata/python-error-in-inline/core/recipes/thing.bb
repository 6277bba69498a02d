A = "1"
B = "one \
     ${A} ${@d.getVar('MISSING').split()[0]} \
     two"
DEPENDS = "${B}"
