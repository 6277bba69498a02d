inherit x y
A .= "r"
inherit y x
inherit ${@"z"}
Z = "q"
B := "${FILE}"
