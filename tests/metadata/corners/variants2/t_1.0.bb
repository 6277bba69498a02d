BBCLASSEXTEND = "native nativesdk multi:lib32 multi:lib64"
OVERRIDES = "${CLASSOVERRIDE}:pn-${PN}"
CLASSOVERRIDE ?= "class-target"
A = "own"
A:class-native = "n"
A:append:class-nativesdk = " s"
A:class-target:append = " t"
A:remove:class-native = "n"
A:pn-t-native:append = " p"
D:class-native = "${PN}"
B = "${@d.getVar('PN')} ${@d.getVar('BBEXTENDVARIANT') or ''}"
do_x() {
    x
}
do_x:append:class-native() {
    xn
}
do_x:class-nativesdk() {
    xs
}
addtask x
python () {
    d.setVar("C", (d.getVar("C") or "") + d.getVar("PN"))
    d.appendVar("A", "!")
}
