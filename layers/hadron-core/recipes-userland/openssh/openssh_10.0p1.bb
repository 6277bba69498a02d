SUMMARY = "Secure shell: client and server"
HOMEPAGE = "https://www.openssh.com/"
LICENSE = "BSD-2-Clause & BSD-3-Clause & ISC & MIT"
DEPENDS = "openssl zlib libpam libxcrypt"

SRC_URI = " \
    https://cdn.openbsd.org/pub/OpenBSD/OpenSSH/portable/openssh-${PV}.tar.gz \
    file://sshd_config \
    file://ssh_config \
    file://sshd.pam \
    file://sshd.service \
    file://sshd.socket \
    file://sshd@.service \
    file://sshd-keygen.service \
    file://sshd-keygen \
    file://sshd.tmpfiles \
"
SRC_URI[sha256sum] = "021a2e709a0edf4250b1256bd5a9e500411a90dddabea830ed59cef90eb9d85c"

inherit autotools systemd sysusers

EXTRA_OECONF = " \
    --sysconfdir=${sysconfdir}/ssh --libexecdir=${libexecdir}/openssh --with-pid-dir=/run \
    --with-privsep-user=sshd --with-privsep-path=/run/sshd --with-sandbox=seccomp_filter \
    --with-default-path=/usr/local/bin:/usr/bin --with-superuser-path=/usr/local/bin:/usr/bin --with-xauth=/usr/bin/xauth --with-maildir=/var/mail \
    --with-pam --with-zlib --without-kerberos5 --without-libedit --without-selinux --without-security-key-builtin \
    --disable-strip --disable-lastlog --disable-utmp --disable-utmpx --disable-wtmp --disable-wtmpx --disable-pututline --disable-pututxline \
    --with-mantype=man --without-rpath \
"
# These would be looked for on the build host.
CACHED_CONFIGUREVARS = "ac_cv_path_PATH_PASSWD_PROG=/usr/bin/passwd ac_cv_path_KILL=/usr/bin/kill ac_cv_file__etc_default_login=no"

SYSUSERS = "u! sshd - 'Privilege separation of sshd' /run/sshd"
# The socket is there for those who prefer one process a connection: sshd.socket instead of sshd.service.
SYSTEMD_SERVICE:${PN} = "sshd.service"

do_install() {
    oe_runmake DESTDIR=${D} STRIP_OPT= install-nosysconf
    # tmpfiles makes it at each boot.
    rm -rf ${D}/run
    install -d ${D}${sysconfdir}/ssh/sshd_config.d ${D}${sysconfdir}/ssh/ssh_config.d ${D}${sysconfdir}/pam.d
    install -m 0600 ${UNPACKDIR}/sshd_config ${D}${sysconfdir}/ssh/sshd_config
    install -m 0644 ${UNPACKDIR}/ssh_config ${D}${sysconfdir}/ssh/ssh_config
    install -m 0644 ${S}/moduli ${D}${sysconfdir}/ssh/moduli
    install -m 0644 ${UNPACKDIR}/sshd.pam ${D}${sysconfdir}/pam.d/sshd
    install -d ${D}${systemd_system_unitdir} ${D}${prefix}/lib/tmpfiles.d
    for unit in sshd.service sshd.socket sshd@.service sshd-keygen.service; do
        install -m 0644 ${UNPACKDIR}/$unit ${D}${systemd_system_unitdir}/$unit
    done
    install -m 0755 ${UNPACKDIR}/sshd-keygen ${D}${libexecdir}/openssh/sshd-keygen
    install -m 0644 ${UNPACKDIR}/sshd.tmpfiles ${D}${prefix}/lib/tmpfiles.d/sshd.conf
}

PACKAGES =+ "${PN}-keygen ${PN}-client ${PN}-sftp-server"
FILES:${PN}-keygen = "${bindir}/ssh-keygen"
FILES:${PN}-client = "${bindir}/ssh ${bindir}/scp ${bindir}/sftp ${bindir}/ssh-add ${bindir}/ssh-agent ${bindir}/ssh-keyscan \
    ${libexecdir}/openssh/ssh-keysign ${libexecdir}/openssh/ssh-pkcs11-helper ${libexecdir}/openssh/ssh-sk-helper \
    ${sysconfdir}/ssh/ssh_config ${sysconfdir}/ssh/ssh_config.d"
FILES:${PN}-sftp-server = "${libexecdir}/openssh/sftp-server"
RDEPENDS:${PN} = "${PN}-keygen ${PN}-sftp-server"
RRECOMMENDS:${PN} = "${PN}-client"
