CFLAGS = ""
PROVIDES += "one"
