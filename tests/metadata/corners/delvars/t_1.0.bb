OVERRIDES = "o:t"
A = "a"
A:o = "ao"
A:o:t = "aot"
B:o = "b"
C = "c"
C:o:append = "co"
python () {
    d.delVar("A:o")
    d.delVar("B")
    d.delVar("C:o")
    d.setVar("D", "x")
    d.setVar("D:o", "y")
    d.setVar("D", "z")
    d.setVar("E:o", "y")
    d.setVar("E", "z")
    d.setVar("E:o", "w")
    d.setVar("F:nope", "y")
    d.setVar("F", "z")
    d.setVar("OVERRIDES", "o:t:nope")
    d.setVar("G:append:nope", "g")
    d.setVar("G:prepend", "p")
    d.appendVar("H:o", "h")
}
