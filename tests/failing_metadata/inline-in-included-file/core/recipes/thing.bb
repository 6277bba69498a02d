CFLAGS = ""
require more.inc
DEPENDS = "${MORE}"
