SUMMARY = "Pluggable authentication modules"
HOMEPAGE = "https://github.com/linux-pam/linux-pam"
LICENSE = "BSD-3-Clause OR GPL-2.0-or-later"
DEPENDS = "libxcrypt"

SRC_URI = " \
    https://github.com/linux-pam/linux-pam/releases/download/v${PV}/Linux-PAM-${PV}.tar.xz \
    file://0001-meson-configure-without-i18n-and-when-cross-compiling.patch \
    file://system-auth \
    file://other \
"
SRC_URI[sha256sum] = "57dcd7a6b966ecd5bbd95e1d11173734691e16b68692fa59661cdae9b13b1697"

S = "${UNPACKDIR}/Linux-PAM-${PV}"

inherit meson

# logind's support in pam_issue and pam_timestamp would need systemd, which needs this.
EXTRA_OEMESON = " \
    -Di18n=disabled -Ddocs=disabled -Daudit=disabled -Deconf=disabled -Dlogind=disabled -Dselinux=disabled \
    -Dnis=disabled -Dopenssl=disabled -Dpam_userdb=disabled -Dpam_unix=enabled -Dexamples=false -Dxtests=false \
    -Dsecuredir=${libdir}/security -Dmailspool=/var/mail -Dxauth=${bindir}/xauth \
"

do_install:append() {
    install -d ${D}${sysconfdir}/pam.d
    install -m 0644 ${UNPACKDIR}/system-auth ${UNPACKDIR}/other ${D}${sysconfdir}/pam.d/
    # pam_namespace is for polyinstantiated directories, which nothing here has.
    rm -rf ${D}${sysconfdir}/security/namespace.d ${D}${prefix}/lib/systemd
}

FILES:${PN} = "${libdir}/*.so.* ${libdir}/security ${bindir} ${sysconfdir}"
# It reads /etc/shadow for programs that may not.
FILE_PERMS:${PN} = "${bindir}/unix_chkpwd:4755:root:root"
