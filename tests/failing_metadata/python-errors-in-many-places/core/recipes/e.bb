python do_compile() {
	if True:
        bb.note("mixed")
}
