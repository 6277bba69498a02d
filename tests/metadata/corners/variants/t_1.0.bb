PN = "t"
BBCLASSEXTEND = "nat mul:lib32 bad skip"
A = "base"
A:append:nat = " n"
L = "x"
python () {
    d.appendVar("L", " anon-" + d.getVar("PN"))
    d.setVar("M_" + d.getVar("PN"), "1")
    if d.getVar("PN") == "t":
        d.delVar("A")
        d.setVar("ONLYBASE", "1")
        d.setVarFlag("L", "f", "base")
        d.renameVar("Q", "QQ")
        bb.build.deltask("do_b", d)
}
Q = "q"
Q:append = "r"
addtask a
addtask b after do_a
R_${PN} = "k"
inherit_defer def
