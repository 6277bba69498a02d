CFLAGS = ""
S = "${UNPACKDIRR}/thing"
do_compile[dirs] = "${S}"
UNPACKDIR = "/hb/work/sources"
