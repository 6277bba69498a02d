python do_check() {
    a = 1
      b = 2
}
addtask check
CFLAGS = ""
