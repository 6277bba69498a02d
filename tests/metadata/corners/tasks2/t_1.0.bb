addtask a after b before c
addtask do_a after do_d
addtask b
deltask a b
addtask x before build after ${T}
T = "do_q"
addtask ${T}2
do_a[deps] = "zz"
