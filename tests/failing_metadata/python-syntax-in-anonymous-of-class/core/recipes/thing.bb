inherit wrong
CFLAGS = ""
