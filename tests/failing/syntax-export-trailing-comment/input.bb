export CFLAGS # for make
