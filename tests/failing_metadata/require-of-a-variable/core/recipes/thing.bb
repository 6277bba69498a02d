VENDOR = "acme"
require ${VENDOR}/common-${PV}.inc
inherit ${VENDOR}-base
