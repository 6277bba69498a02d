# What other recipes see of this one: the part of ${D} that is needed to build against it.
#
# ${D}/hb/native goes to the tree `native`, the rest to the tree `sysroot`. SYSROOT_DIRS may be extended by directories
# or files, e.g. a program that describes a library.

SYSROOT_DIRS = "${includedir} ${libdir} ${datadir}"
SYSROOT_DIRS:class-native = ""
SYSROOT_DIRS:class-cross = ""
SYSROOT_DIRS_IGNORE = " \
    /usr/lib/debug /usr/lib/firmware /usr/lib/modules /usr/lib/locale /usr/lib/python*/site-packages \
    /usr/share/bash-completion /usr/share/doc /usr/share/fish /usr/share/icons /usr/share/info /usr/share/licenses /usr/share/locale \
    /usr/share/man /usr/share/zsh \
"
SYSROOT_PREPROCESS_FUNCS ?= ""

do_populate_sysroot[dirs] = "${SYSROOT_DESTDIR}"
do_populate_sysroot[cleandirs] = "${SYSROOT_DESTDIR}"
do_populate_sysroot[sstate-inputdirs] = "${SYSROOT_DESTDIR}"
do_populate_sysroot[postfuncs] += "${SYSROOT_PREPROCESS_FUNCS}"
python do_populate_sysroot() {
    hb.sysroot.run(d)
}
addtask populate_sysroot after do_install before do_build
