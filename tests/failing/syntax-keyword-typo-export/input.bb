exprot CFLAGS = "-O2"
