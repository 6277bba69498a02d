SUMMARY = A library
inherti cmake
do_compile() { make; }
LICENSE = "MIT" # ok
PV =: "1"
DEPENDS = "a b
RDEPENDS:${PN} = "c"
