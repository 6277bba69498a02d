A[f] ?= "= ["
inherit / # " C %
C += "fi A[f] echo unset ??="
def addtask =:
C := "A:prepend '', - ( addhandler"
B:append = "done y" x FILES:${PN}"
B:append ?= "'}'}" addfragments 	 esac export '${@1}'"