A = "a b"
A:o = "c d"
OVERRIDES = "o"
B = "x y"
B:remove = "x"
C = "${A} ${B}"
python () {
    d.setVarFilter("A", "prefix(val, 'p-')")
    d.setVarFilter("B", "suffix(val, '-s')")
    d.setVar("R", d.getVar("A") + "|" + d.getVar("A", False) + "|" + d.getVar("C"))
    d.appendVar("A", " e")
    d.setVarFilter("B", "")
}
