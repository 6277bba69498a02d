# Packages with a configure script that can only be built in their source directory.
inherit autotools

B = "${S}"
