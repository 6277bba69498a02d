OVERRIDES = "foo:bar:local"
do_a() {
    echo ${PN}
  }
    }

}
do_a:append() {
    more
}
do_a:prepend:foo() {
    before
}
do_a:bar() {
    bar
}
python do_b() {
    x = 1
}
python do_b:append() {
    y = 2
}
fakeroot python do_c() {
    pass
}
python fakeroot do_d() {
    pass
}
fakeroot do_e () {
    :
}
python do_e() {
    pass
}
do_b() {
    shell
}
do_a[flag] = "x"
do_a:remove = "more"
f-g.h+i() {
    x
}
addtask a b before do_c after do_d
addtask c
addtask do_z after do_a before do_b
addtask a after do_e
addtask twice before do_c before do_e after do_a after do_d
addtask y before do_y2 # a comment
deltask d do_z
deltask ${@'do_q'}
addtask p${PN}
