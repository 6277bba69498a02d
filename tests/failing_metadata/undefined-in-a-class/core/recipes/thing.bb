inherit hooks
CFLAGS = ""
