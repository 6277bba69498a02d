CFLAGS = ""
A:append += "x"
B:remove .= "y"
