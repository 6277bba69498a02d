SUMMARY = "Terminal handling: terminfo database and the curses library"
HOMEPAGE = "https://invisible-island.net/ncurses/"
LICENSE = "MIT-open-group"

SRC_URI = "https://invisible-island.net/archives/ncurses/current/ncurses-${PV}.tgz"
SRC_URI[sha256sum] = "b37baafa436e7133bb12a185cb8f60e1599b1947e9f0181c76f3190acf28b6eb"

inherit autotools

# The build host's tic compiles the terminfo database. Programs that only move the cursor need libtinfo, not all of curses.
EXTRA_OECONF = " \
    --with-shared --without-normal --without-debug --without-profile --enable-widec --with-termlib=tinfo \
    --without-ada --without-cxx --without-cxx-binding --without-tests --without-manpages --disable-stripping --disable-nls \
    --enable-overwrite --enable-pc-files --with-pkg-config-libdir=${libdir}/pkgconfig --disable-rpath --enable-mixed-case \
    --with-default-terminfo-dir=${datadir}/terminfo --with-terminfo-dirs=${sysconfdir}/terminfo:${datadir}/terminfo \
    --with-build-cc=${BUILD_CC} --with-tic-path=tic --with-infocmp-path=infocmp --without-dlsym \
"

do_install() {
    oe_runmake 'DESTDIR=${D}' install
    # Who asks for curses gets the wide one.
    for name in ncurses form menu panel; do
        ln -s lib${name}w.so ${D}${libdir}/lib$name.so
        ln -s ${name}w.pc ${D}${libdir}/pkgconfig/$name.pc
    done
    ln -sf libncursesw.so ${D}${libdir}/libcurses.so
    # How this library was linked is nothing to who uses it.
    sed -i '/^Libs:/s/-Wl,[^ ]* *//g' ${D}${libdir}/pkgconfig/*w.pc ${D}${libdir}/pkgconfig/tinfo.pc
    # Names the compiler and its flags.
    rm -f ${D}${bindir}/ncurses*-config
    rm -f ${D}${libdir}/terminfo
}

TERMINFO_BASE = "a/ansi d/dumb l/linux s/screen s/screen-256color t/tmux t/tmux-256color v/vt100 v/vt102 v/vt220 x/xterm x/xterm-256color x/xterm-color"

# The rest of the database comes last, after the main package has taken the entries of TERMINFO_BASE.
PACKAGES = "${PN}-bin ${PN}-dbg ${PN}-staticdev ${PN}-dev ${PN}-doc ${PN}-locale ${PN} ${PN}-terminfo"
FILES:${PN}-bin = "${bindir} ${datadir}/tabset"
FILES:${PN} = "${libdir}/lib*.so.* ${@' '.join('${datadir}/terminfo/' + entry for entry in d.getVar('TERMINFO_BASE').split())}"
FILES:${PN}-terminfo = "${datadir}/terminfo"
