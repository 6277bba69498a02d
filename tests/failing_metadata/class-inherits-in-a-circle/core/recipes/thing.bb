inherit one
CFLAGS = ""
