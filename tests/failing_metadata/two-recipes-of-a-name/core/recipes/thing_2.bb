CFLAGS = ""
PROVIDES += "two"
