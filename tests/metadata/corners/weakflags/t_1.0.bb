A[aa] ??= "w"
A[aa] = "s"
unset A[aa]
B[a] ??= "w"
python () {
    d.setVar("R", repr(d.getVarFlag("B", "a")) + repr(d.getVarFlag("B", "a", noweakdefault=True)) + repr(d.getVarFlags("B", internalflags=True)))
    d.setVar("S", repr(d.getVarFlags("B", ["a"])) + repr(d.getVarFlags("ZZ")))
    d.setVarFlag("B", "_defaultval", "x")
    d.setVar("T", repr(d.getVar("B")) + repr(d.getVar("B", noweakdefault=True)))
    d.setVarFlag("C", "func", None)
    d.setVar("U", repr(d.getVarFlag("C", "func")) + repr("C" in d))
}
