python do_check() {
	pass
}
def f(d):
    if d:
  	return 1
