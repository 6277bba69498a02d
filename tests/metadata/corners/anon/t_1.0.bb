python () {
    d.setVar("A", (d.getVar("A") or "") + "1")
}
inherit k
python __anonymous () {
    d.setVar("A", (d.getVar("A") or "") + "2")
}
fakeroot python () {
    d.setVar("A", (d.getVar("A") or "") + "f")
}
def h(d):
    return "h"
python () {
    # only
    pass
}
python () {
    d.setVar("B", h(d) + str(os.path) [0:7])
    import re
    d.setVar("C", re.sub("a", "b", "a"))
    for x in "ab":
        d.setVar("X_" + x, x)
}
