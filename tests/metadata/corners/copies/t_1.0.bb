A = "1"
A[f] = "x"
L = ""
python () {
    c = bb.data.createCopy(d)
    c.setVarFlag("A", "f", "y")
    c.appendVarFlag("A", "g", "z")
    c.renameVar("A", "Z")
    c.setVar("OVERRIDES", "q")
    c.setVar("B:q", "1")
    d.setVar("R", repr((c.getVar("Z"), c.getVar("A"), c.getVar("B"), d.getVar("A"), d.getVarFlag("A", "f"), d.getVar("B"))))
    e = c.createCopy()
    c.delVar("Z")
    d.setVar("S", repr((e.getVar("Z"), c.getVar("Z"))))
    d.setVar("T", repr(sorted(k for k in c.keys() if len(k) < 4)))
}
