CFLAGS = "-I<top>/core/include"
