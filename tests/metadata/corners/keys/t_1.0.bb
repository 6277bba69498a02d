PN = "t"
A:${PN} = "1"
A:append:${PN} = "2"
A:${PN}:append = "3"
A:remove:${PN} = "9"
OVERRIDES = "t:o"
A = "0"
B_${PN} = "x"
B_t = "y"
C_${PN} ?= "c"
C_${PN}:append = "d"
C_${PN}[flag] = "e"
D_${NOPE} = "n"
E_${PN}:o = "1"
E_${PN}:append:o = "2"
F:${PN}:o = "f"
F:o = "g"
G_${PN}_${PN} = "h"
H_${PN} ??= "weak"
H_t ??= "weak2"
I_t ??= "w"
I_${PN} = "s"
do_x:append:${PN}() {
    more
}
do_x() {
    first
}
pkg_${PN}() {
    y
}
python do_py:${PN}() {
    pass
}
J_t:append = "post"
J_${PN} = "base"
K_${PN}:remove = "b"
K_t = "a b c"
FILES:${PN} = "f"
FILES:${PN}-dev = "dev"
FILES:${PN}:append = " more"
FILES:append:${PN} = " cond"
RDEPENDS:${PN}:o = "r"
RDEPENDS:${PN}:append:o = " s"
