A2 = "x"
BBPATH .= ":${TOPDIR}/sub"
include_all z.inc
include z.inc
include nope.inc
include_all nope.inc
require ${TOPDIR}/sub/z.inc
OUT := "${@os.path.basename(d.getVar('FILE'))}"
