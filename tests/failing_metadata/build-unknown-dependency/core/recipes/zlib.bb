CFLAGS = ""
PACKAGES = "zlib zlib-tools"
