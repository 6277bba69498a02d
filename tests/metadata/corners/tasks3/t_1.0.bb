addtask b after do_a
addtask a
deltask do_a
addtask c after do_a
do_c[task] = "2"
do_d[depends] = "m:do_n ${X}:do_y"
X = "vx"
addtask d
do_d[rdepends] = "${X}"
do_d[deptask] = "${X}"
do_d[mcdepends] = "mc:::${X}:do_y"
do_d[nostamp] = "0"
