OVERRIDES = "foo:bar:local"
A = "x y z"
A:foo:remove = "y"
A:foo = "y q"
A:append = " z"
A:remove = "z"
python () {
    c = d.createCopy()
    c.setVar("A", "copy")
    c.delVar("A:foo")
    c.setVar("NEW", "1")
    d.setVar("R1", c.getVar("A") + "|" + d.getVar("A") + "|" + str(d.getVar("NEW")))
    d.setVar("R2", repr(d.getVar("A", False)))
    d.setVar("R3", repr(d.getVarFlag("A", "nothing")) + repr(d.getVarFlags("NEW")))
    d.setVar("R4", repr(d.getVar("UNSET", True)) + repr(d.getVarFlag("A", "_content", False)))
    d.setVar("R5", " ".join(sorted(k for k in d.keys() if k.startswith("A"))))
    d.setVar("A_${PN}", "late")
    d.setVar("R6", d.expand("${@'a}'}") )
}
