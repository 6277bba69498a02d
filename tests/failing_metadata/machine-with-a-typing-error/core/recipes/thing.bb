CFLAGS = ""
