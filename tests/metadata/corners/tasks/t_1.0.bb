addtask a
addtask b after do_a
addtask c after do_b before do_d
do_a[depends] = "x:do_y"
do_b[nostamp] = "1"
do_c[noexec] = "1"
do_c[fakeroot] = "1"
do_c[umask] = "022"
do_b[recrdeptask] = "do_a ${X}"
X = "do_c"
deltask b
addtask b
addtask e after ${X}
addtask b before do_a
python () {
    bb.build.addtask("do_f", "do_a do_c", "do_e", d)
    bb.build.deltask("do_e", d)
    d.setVar("LIST", " ".join(bb.build.listtasks(d)))
    d.appendVarFlag("do_f", "depends", " q:do_r")
}
