SUMMARY = "Keymaps and fonts of the console, and the programs that load them"
HOMEPAGE = "https://kbd-project.org/"
LICENSE = "GPL-2.0-or-later"

# The tag's archive: it has no configure script.
SRC_URI = "https://github.com/legionus/kbd/archive/refs/tags/v${PV}.tar.gz;downloadfilename=kbd-${PV}.tar.gz"
SRC_URI[sha256sum] = "1fd74ac647c5ba5b3ebe09a204483544c5f1ef89ff42f37a11eab040cac9595d"

# Uncompressed keymaps are only found in the source directory.
inherit autotools-brokensep

AUTORECONF = "1"
# Keymaps stay uncompressed, so that loading one needs neither a library nor another program.
EXTRA_OECONF = "--disable-nls --disable-vlock --disable-tests --disable-compress --disable-code-coverage"
# musl's malloc(0) gives a pointer; a test of that can't run here, and its pessimistic answer needs a replacement that kbd hasn't.
CACHED_CONFIGUREVARS = "ac_cv_func_malloc_0_nonnull=yes ac_cv_func_realloc_0_nonnull=yes"

# gettext's part of the build system, which autoreconf asks for, is only there to be switched off.
do_install:append() {
    rm -rf ${D}${datadir}/locale
}

KEYMAPS_BASE = " \
    i386/include include \
    i386/qwerty/us.map i386/qwerty/us-acentos.map i386/qwerty/uk.map i386/qwerty/es.map i386/qwerty/it.map i386/qwerty/pt-latin1.map \
    i386/qwerty/br-abnt2.map i386/qwerty/dk.map i386/qwerty/fi.map i386/qwerty/no.map i386/qwerty/sv-latin1.map i386/qwerty/nl.map \
    i386/qwerty/pl2.map i386/qwerty/jp106.map i386/qwerty/cz-lat2.map i386/qwerty/ru.map i386/qwerty/trq.map i386/qwerty/la-latin1.map i386/qwerty/cf.map \
    i386/qwertz/de.map i386/qwertz/de-latin1.map i386/qwertz/de-latin1-nodeadkeys.map i386/qwertz/sg.map i386/qwertz/hu.map \
    i386/azerty/fr.map i386/azerty/fr-latin1.map i386/azerty/fr-latin9.map i386/azerty/be-latin1.map i386/dvorak/dvorak.map \
"
FONTS_BASE = "default8x16.psfu eurlatgr.psfu Lat2-Terminus16.psfu lat9w-16.psfu LatArCyrHeb-16.psfu UniCyr_8x16.psf latarcyrheb-sun32.psfu solar24x32.psfu"

PACKAGES = "${PN}-dbg ${PN}-staticdev ${PN}-dev ${PN}-doc ${PN}-locale ${PN} ${PN}-data"
FILES:${PN} = " \
    ${bindir} ${sysconfdir} \
    ${@' '.join('${datadir}/keymaps/' + name for name in d.getVar('KEYMAPS_BASE').split())} \
    ${@' '.join('${datadir}/consolefonts/' + name for name in d.getVar('FONTS_BASE').split())} \
"
FILES:${PN}-data = "${datadir}/keymaps ${datadir}/consolefonts ${datadir}/consoletrans ${datadir}/unimaps"
RDEPENDS:${PN}-data = "${PN}"
