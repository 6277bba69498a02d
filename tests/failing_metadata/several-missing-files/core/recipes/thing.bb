inherit autotool \
    pkgconfg
require thingie.inc
inherit global-only
DEPENDS = "${@}"
