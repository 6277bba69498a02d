def check(d):
    raise ValueError("the colour is %s" % d.getVar("COLOUR"))

A := "${@check(d)}"
CFLAGS = ""
