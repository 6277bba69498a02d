# Packages with a GNU configure script, built outside of the source directory.
#
# AUTORECONF = "1" makes the script anew. CACHED_CONFIGUREVARS: answers to tests that can't run here ("ac_cv_x=yes …").
inherit pkgconfig

B = "${WORKDIR}/build"
AUTORECONF ??= "0"
EXTRA_AUTORECONF ??= ""
EXTRA_OECONF ??= ""
CACHED_CONFIGUREVARS ??= ""
CONFIGURE_SCRIPT ?= "${S}/configure"
# Relative: then so are the names of source files which a program quotes (assert), and no path of the build gets into it.
CONFIGURE_SCRIPT:class-target ?= "./${@os.path.relpath(d.getVar('S') + '/configure', d.getVar('B'))}"
DISABLE_STATIC ??= ""

CONFIGUREOPTS = " \
    --build=${BUILD_SYS} --host=${HOST_SYS} \
    --prefix=${prefix} --exec-prefix=${exec_prefix} --bindir=${bindir} --sbindir=${sbindir} --libexecdir=${libexecdir} \
    --datadir=${datadir} --sysconfdir=${sysconfdir} --sharedstatedir=${sharedstatedir} --localstatedir=${localstatedir} \
    --libdir=${libdir} --includedir=${includedir} --infodir=${infodir} --mandir=${mandir} \
    --disable-silent-rules --disable-dependency-tracking \
"

oe_runconf() {
    if [ ! -x ${CONFIGURE_SCRIPT} ]; then
        bbfatal "no configure script at ${CONFIGURE_SCRIPT}; AUTORECONF = \"1\" makes it from configure.ac"
    fi
    bbnote ${CACHED_CONFIGUREVARS} ${CONFIGURE_SCRIPT} ${CONFIGUREOPTS} ${DISABLE_STATIC} ${EXTRA_OECONF} "$@"
    if ! env ${CACHED_CONFIGUREVARS} ${CONFIGURE_SCRIPT} ${CONFIGUREOPTS} ${DISABLE_STATIC} ${EXTRA_OECONF} "$@"; then
        find . -name config.log | while read -r log; do
            printf "%s\n" "--- last lines of $log before the list of variables:"
            sed '/^## Cache variables/,$d' "$log" | tail -n 30
        done
        bbfatal "configure failed"
    fi
}

# hbake: disable=HBW405  the names of the sysroots have no blanks
autotools_do_configure() {
    if [ "${AUTORECONF}" = "1" ]; then
        m4dirs=""
        for dir in ${STAGING_DIR_HOST}/usr/share/aclocal ${STAGING_DIR_NATIVE}/usr/share/aclocal; do
            [ ! -d $dir ] || m4dirs="$m4dirs -I $dir"
        done
        (cd $(dirname ${CONFIGURE_SCRIPT}) && ACLOCAL="aclocal $m4dirs" autoreconf --force --install --verbose $m4dirs ${EXTRA_AUTORECONF}) ||
            bbfatal "autoreconf failed"
    fi
    # Every name of a system given here is canonical; an old config.sub just doesn't know them all.
    find ${S} -name config.sub | while read -r script; do
        if ! sh "$script" ${HOST_SYS} > /dev/null 2>&1 || ! sh "$script" ${TARGET_SYS} > /dev/null 2>&1; then
            printf '#!/bin/sh\necho "$1"\n' > "$script"
        fi
    done
    oe_runconf
}

autotools_do_compile() {
    oe_runmake
}

autotools_do_install() {
    oe_runmake 'DESTDIR=${D}' install
    rm -f ${D}${infodir}/dir
}

EXPORT_FUNCTIONS do_configure do_compile do_install
