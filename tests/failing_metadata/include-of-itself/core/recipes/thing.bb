CFLAGS = ""
require a.inc
