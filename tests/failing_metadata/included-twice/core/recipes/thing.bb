CFLAGS = ""
require common.inc
require common.inc
