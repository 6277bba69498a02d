do_compile[mcdepends] = "mc::installer:other"
