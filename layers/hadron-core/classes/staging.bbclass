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
do_populate_sysroot() {
    mkdir -p ${SYSROOT_DESTDIR}/sysroot ${SYSROOT_DESTDIR}/native
    if [ -d ${D}${STAGING_DIR_NATIVE} ]; then
        cp -a ${D}${STAGING_DIR_NATIVE}/. ${SYSROOT_DESTDIR}/native/
    fi
    for path in ${SYSROOT_DIRS}; do
        if [ -e ${D}$path ]; then
            mkdir -p $(dirname ${SYSROOT_DESTDIR}/sysroot$path)
            cp -a ${D}$path $(dirname ${SYSROOT_DESTDIR}/sysroot$path)/
        fi
    done
    for path in ${SYSROOT_DIRS_IGNORE}; do
        rm -rf ${SYSROOT_DESTDIR}/sysroot$path ${SYSROOT_DESTDIR}/native$path
    done
    # libtool's archives name libraries by paths of the running system, and so break cross linking.
    find ${SYSROOT_DESTDIR} -name '*.la' -delete
    find ${SYSROOT_DESTDIR} -mindepth 2 -type d -empty -delete
}
addtask populate_sysroot after do_install before do_build
