A = "second"
L .= " second"
inherit_defer third
B = "second"
python () {
    d.appendVar("L", " anon-second")
}
