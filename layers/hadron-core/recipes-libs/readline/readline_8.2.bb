SUMMARY = "Editing of command lines, with history"
HOMEPAGE = "https://tiswww.case.edu/php/chet/readline/rltop.html"
LICENSE = "GPL-3.0-or-later"
DEPENDS = "ncurses"

SRC_URI = "https://ftp.gnu.org/gnu/readline/readline-${PV}.tar.gz"
SRC_URI[sha256sum] = "3feb7171f16a84ee82ca18a36d7b9be109a52c04f492a053331d7d1095007c35"

inherit autotools

EXTRA_OECONF = "--enable-shared --enable-multibyte --with-shared-termcap-library --disable-install-examples"
# Answers to tests that must run on the target.
CACHED_CONFIGUREVARS = "bash_cv_termcap_lib=libtinfo bash_cv_wcwidth_broken=no bash_cv_func_sigsetjmp=present bash_cv_func_ctype_nonascii=no bash_cv_must_reinstall_sighandlers=no"

# The libraries' own directory is searched anyway.
do_configure:prepend() {
    sed -i 's/-Wl,-rpath,$(libdir) //' ${S}/support/shobj-conf
    ! grep -e '^linux' -A 12 ${S}/support/shobj-conf | grep -e -rpath || bbfatal "shobj-conf still asks for an rpath on Linux"
}

do_install:append() {
    rm -rf ${D}${bindir}
}
