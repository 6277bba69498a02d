OVERRIDES = "foo:bar:local"
A = "1"
A:foo = "2"
A:append = "3"
A:nope = "4"
B = "1"
B:foo = "2"
C = "1"
C:append = "2"
C:remove = "1"
D = "a"
D:local = "l"
D[f] = "flag"
D:append = "x"
E:foo = "1"
E:nope = "2"
F = "1"
F:foo = "2"
G = "g"
K = "k"
K:foo = "kf"
L = "l"
L:foo = "lf"
L:append = "la"
M = "x"
M:foo:append = "m"
python () {
    d.setVar("A", "new")
    d.setVar("B:foo", "new")
    d.appendVar("C", "3")
    d.prependVar("C", "0")
    d.renameVar("D", "DD")
    d.renameVar("E", "EE")
    d.delVar("F:foo")
    d.setVar("G:append", "+")
    d.setVar("G:append:foo", "++")
    d.setVar("H", 5)
    d.setVar("I", None)
    d.setVar("J", ["a"])
    d.setVarFlag("G", "list", [1, 2])
    d.appendVarFlag("G", "fl", " x")
    d.prependVarFlag("G", "fl", "y ")
    d.delVar("K")
    d.setVar("K:foo", "again")
    d.delVar("L")
    d.appendVar("L", "x")
    d.setVar("OVERRIDES", d.getVar("OVERRIDES") + ":late")
    d.setVar("M:late", "late")
    d.setVarFlags("N", {"a": "1", "b": "${G}"})
    d.delVarFlags("G")
    d.setVar("O:bar", "o")
    d.setVar("R", "${A} ${B} ${@d.getVar('C')}")
    d.setVar("S", d.getVar("R"))
    d.setVar("T", d.expand("${A}${NOPE}"))
    d.setVar("U", str("A" in d) + str("ZZ" in d) + str(d["A"]))
}
