# Packages: ${D} split by FILES, each with a description; then the checks of the result.

PKGDEST = "${WORKDIR}/packages-split"

PACKAGES ?= "${PN}-dbg ${PN}-staticdev ${PN}-dev ${PN}-doc ${PN}-locale ${PN}"

FILES:${PN}-dbg = "/usr/lib/debug"
FILES:${PN}-staticdev = "${libdir}/*.a"
FILES:${PN}-dev = "${includedir} ${libdir}/lib*.so ${libdir}/*.la ${libdir}/*.o ${libdir}/pkgconfig ${datadir}/pkgconfig \
    ${libdir}/cmake ${datadir}/cmake ${datadir}/aclocal ${bindir}/*-config ${FILES_SOLIBSDEV}"
FILES:${PN}-doc = "${docdir} ${mandir} ${infodir} ${datadir}/gtk-doc"
FILES:${PN}-locale = "${datadir}/locale"
FILES:${PN} ?= "${bindir} ${libdir} ${libexecdir} ${sysconfdir} ${localstatedir} ${datadir} /usr/lib /boot /home /root /srv /opt"
FILES_SOLIBSDEV ?= ""

RRECOMMENDS:${PN}-dev ?= ""

# Classes of findings, named as in OpenEmbedded. What is in neither list is not looked at.
ERROR_QA ?= "buildpaths arch file-rdeps textrel installed-vs-shipped rpaths shebang usrmerge"
WARN_QA ?= ""

# What packaging reads of each package. SUMMARY and DESCRIPTION are not among it: they change nothing in an image.
PACKAGEVARS = "FILES RDEPENDS RRECOMMENDS RCONFLICTS RPROVIDES CONFFILES FILE_PERMS LICENSE INSANE_SKIP"

def package_variables(d):
    names = (d.getVar('PACKAGES') or '').split() + [d.getVar('PN')]
    return ' '.join('%s:%s' % (variable, name) for variable in d.getVar('PACKAGEVARS').split() for name in names)

python do_package() {
    hb.package.run(d)
}
do_package[vardeps] += "${@package_variables(d)}"
do_package[sysroot-depends] = "virtual/cross-binutils"
do_package[sstate-inputdirs] = "${PKGDEST}"
addtask package after do_install before do_build

python do_package_qa() {
    hb.quality.run(d)
}
do_package_qa[vardeps] += "${@package_variables(d)}"
# The libraries that a program needs are looked for in the sysroot it was linked with.
do_package_qa[sysroot-depends] = "${DEPENDS}"
do_package_qa[sstate-inputdirs] = "${WORKDIR}/package-qa"
do_package_qa[dirs] = "${WORKDIR}/package-qa"
addtask package_qa after do_package before do_build
