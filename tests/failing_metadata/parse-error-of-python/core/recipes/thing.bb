python () {
    raise bb.parse.ParseError("no such board", d.getVar("FILE"), 2)
}
