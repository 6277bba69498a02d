python () {
    d.setVar("A", (d.getVar("A") or "") + "k")
}
