SUMMARY = "Users, groups and passwords: the programs that change them"
HOMEPAGE = "https://github.com/shadow-maint/shadow"
LICENSE = "BSD-3-Clause"
DEPENDS = "acl attr libpam libxcrypt"

SRC_URI = " \
    https://github.com/shadow-maint/shadow/releases/download/${PV}/shadow-${PV}.tar.xz \
    file://login.defs \
    file://useradd \
    file://passwd.pam \
    file://rootok.pam \
    file://user.pam \
"
SRC_URI[sha256sum] = "554801054694ff7d8a7abdf0d6ece34e2f16e111673cc01b8c9ee1278451181e"

inherit autotools

EXTRA_OECONF = " \
    --disable-nls --disable-man --disable-logind --enable-subordinate-ids --disable-account-tools-setuid --enable-lastlog=no \
    --with-libpam --with-acl --with-attr --with-yescrypt --with-bcrypt --with-group-name-max-length=32 \
    --without-su --without-selinux --without-audit --without-btrfs --without-tcb --without-skey --without-nscd --without-sssd --without-libbsd \
"

# These would be looked for on the build host.
CACHED_CONFIGUREVARS = "shadow_cv_maildir=/var/mail shadow_cv_mailfile=none shadow_cv_logdir=/var/log"

# What util-linux (login, nologin) and coreutils (groups) have, and what makes no sense with PAM.
NOT_OURS = "login nologin groups faillog logoutd sulogin"
# As the user they are run by is to change a file of root's.
SETUID_PROGRAMS = "chage chfn chsh expiry gpasswd newgrp passwd newuidmap newgidmap"

do_install:append() {
    for name in ${NOT_OURS}; do
        rm -f ${D}${bindir}/$name ${D}/bin/$name ${D}/sbin/$name ${D}/usr/sbin/$name
    done
    rm -rf ${D}${sysconfdir} ${D}${mandir}
    install -d ${D}${sysconfdir}/default ${D}${sysconfdir}/pam.d
    install -m 0644 ${UNPACKDIR}/login.defs ${D}${sysconfdir}/login.defs
    install -m 0644 ${UNPACKDIR}/useradd ${D}${sysconfdir}/default/useradd
    install -m 0644 ${UNPACKDIR}/passwd.pam ${D}${sysconfdir}/pam.d/passwd
    for name in chfn chsh; do
        install -m 0644 ${UNPACKDIR}/user.pam ${D}${sysconfdir}/pam.d/$name
    done
    for name in chpasswd chgpasswd newusers groupmems; do
        install -m 0644 ${UNPACKDIR}/rootok.pam ${D}${sysconfdir}/pam.d/$name
    done
    for name in ${SETUID_PROGRAMS}; do
        program=$(find ${D} -name $name -type f -path '*bin/*')
        [ -n "$program" ] || bbfatal "no program $name to make setuid"
        chmod 4755 $program
    done
    # Who may have further user ids; filled by useradd.
    : > ${D}${sysconfdir}/subuid
    : > ${D}${sysconfdir}/subgid
}
