A .= "x"
inherit y
A .= "X"
FX := "${@os.path.basename(d.getVar('FILE'))}"
