SUMMARY = "The GNU Bourne-Again shell"
HOMEPAGE = "https://www.gnu.org/software/bash/"
LICENSE = "GPL-3.0-or-later"
DEPENDS = "ncurses readline"

SRC_URI = "https://ftp.gnu.org/gnu/bash/bash-${PV}.tar.gz"
SRC_URI[sha256sum] = "9599b22ecd1d5787ad7d3b7bf0c59f312b3396d1e281175dd1f8a4014da621ff"

inherit autotools

EXTRA_OECONF = "--disable-nls --without-bash-malloc --with-installed-readline --enable-multibyte"
# Answers to tests that must run on the target: what musl and Linux do.
CACHED_CONFIGUREVARS = " \
    bash_cv_termcap_lib=libtinfo ac_cv_rl_version=8.2 \
    bash_cv_job_control_missing=present bash_cv_sys_named_pipes=present bash_cv_dev_fd=standard bash_cv_dev_stdin=present \
    bash_cv_func_sigsetjmp=present bash_cv_func_strcoll_broken=no bash_cv_func_ctype_nonascii=no bash_cv_func_snprintf=yes bash_cv_func_vsnprintf=yes \
    bash_cv_getcwd_malloc=yes bash_cv_getenv_redef=yes bash_cv_must_reinstall_sighandlers=no bash_cv_opendir_not_robust=no \
    bash_cv_printf_a_format=yes bash_cv_pgrp_pipe=no bash_cv_ulimit_maxfds=yes bash_cv_unusable_rtsigs=no bash_cv_wcontinued_broken=no \
    bash_cv_wexitstatus_offset=8 bash_cv_wcwidth_broken=no bash_cv_dup2_broken=no bash_cv_fnmatch_equiv_fallback=no ac_cv_c_long_double=yes \
"

# Without the examples of loadable commands, which take longer than the shell.
do_compile() {
    oe_runmake bash
}

do_install() {
    install -D -m 0755 bash ${D}${bindir}/bash
    ln -s bash ${D}${bindir}/sh
    install -D -m 0644 ${S}/doc/bash.1 ${D}${mandir}/man1/bash.1
}
