SUMMARY = "systemd's tools that prepare a root file system when an image is made"
DESCRIPTION = "systemctl, journalctl, systemd-hwdb, systemd-sysusers and systemd-tmpfiles of the version that the image has, for --root=."

require systemd-257.inc
inherit native

DEPENDS = "libcap-native util-linux-native"

# They work on the paths of the image, not on those they are installed in. All is linked statically but the libraries of others.
MESONOPTS = "--prefix=/usr --bindir=bin --sbindir=bin --libdir=lib --sysconfdir=/etc --localstatedir=/var --buildtype=plain --wrap-mode=nodownload -Db_pie=false -Db_lto=false"
EXTRA_OEMESON = " \
    ${SYSTEMD_COMMON_MESON} \
    -Dstandalone-binaries=true -Dlink-systemctl-shared=false -Dlink-journalctl-shared=false -Dlink-udev-shared=false \
    -Dsysusers=true -Dtmpfiles=true -Dhwdb=true -Defi=false -Dbootloader=disabled \
"
MESON_TARGET = "systemctl journalctl systemd-hwdb systemd-sysusers.standalone systemd-tmpfiles.standalone"

do_install() {
    install -d ${D}${bindir}
    install -m 0755 systemctl journalctl systemd-hwdb ${D}${bindir}/
    install -m 0755 systemd-sysusers.standalone ${D}${bindir}/systemd-sysusers
    install -m 0755 systemd-tmpfiles.standalone ${D}${bindir}/systemd-tmpfiles
    strip ${D}${bindir}/*
}
