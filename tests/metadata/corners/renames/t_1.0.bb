OVERRIDES = "o:t"
A = "a"
A:append = "b"
A:o = "ao"
A:x:append = "ax"
B = "old"
B:o = "bo"
B:append = "bb"
C:append = "only"
D[f] = "flag"
D = "d"
E ??= "weak"
F = "f"
F:remove = "f"
G:o:append = "x"
H:x = "x"
python () {
    d.renameVar("A", "B")
    d.renameVar("C", "CC")
    d.renameVar("D", "DD")
    d.renameVar("E", "EE")
    d.renameVar("F", "FF")
    d.renameVar("G", "GG")
    d.renameVar("H", "HH")
    d.renameVar("NOPE", "NN")
    d.setVar("HH:x", "2")
}
