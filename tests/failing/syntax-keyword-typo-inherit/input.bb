inherti autotools
