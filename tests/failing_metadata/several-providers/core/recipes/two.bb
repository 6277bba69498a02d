CFLAGS = ""
PROVIDES += "virtual/x"
RPROVIDES:${PN} = "x-tool"
