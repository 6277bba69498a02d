CFLAGS = ""
DEPENDS = "virtual/thing"
