WANTED = "x11-server"
DEPENDS = "${WANTED}"
