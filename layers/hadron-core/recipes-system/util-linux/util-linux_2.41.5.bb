SUMMARY = "Programs for disks, mounts, terminals and logins, and their libraries"
HOMEPAGE = "https://github.com/util-linux/util-linux"
LICENSE = "GPL-2.0-or-later AND LGPL-2.1-or-later AND BSD-2-Clause AND BSD-3-Clause AND BSD-4-Clause-UC"
DEPENDS = "libpam libxcrypt ncurses readline"
DEPENDS:class-native = ""

SRC_URI = " \
    https://www.kernel.org/pub/linux/utils/util-linux/v2.41/util-linux-${PV}.tar.xz \
    file://login.pam \
    file://su.pam \
    file://su-l.pam \
    file://runuser.pam \
    file://runuser-l.pam \
"
SRC_URI[sha256sum] = "f586e35d320ff537aab3ffeca37e9ecd482ccbe013590db4429a414d8aa6a728"

inherit autotools

# systemd and udev need libmount and libblkid, so they come later. shadow has chfn, chsh, newgrp and vipw.
# musl keeps no record of logins for last and wall to read. Owner and setuid bits are in the package's description.
EXTRA_OECONF = " \
    --disable-nls --without-python --without-systemd --without-udev --without-econf --without-cryptsetup --without-selinux --without-audit \
    --without-cap-ng --without-utempter --without-btrfs --without-libmagic --without-libz --with-ncursesw --with-readline \
    --with-systemdsystemunitdir=no \
    --disable-liblastlog2 --disable-pam-lastlog2 --disable-chfn-chsh --disable-uuidd --disable-last --disable-utmpdump --disable-wall \
    --disable-cramfs --disable-bfs --disable-minix --disable-makeinstall-chown --disable-makeinstall-setuid --disable-use-tty-group \
    --disable-asciidoc --disable-poman --disable-pg-bell --enable-usrdir-path --enable-fs-paths-default=/usr/bin \
"
# The libraries, for systemd's native tools.
EXTRA_OECONF:class-native = " \
    --disable-all-programs --enable-libuuid --enable-libblkid --enable-libmount --disable-nls --without-python --without-systemd --without-udev \
    --without-econf --without-cryptsetup --without-selinux --without-audit --without-btrfs --disable-bash-completion --disable-makeinstall-chown \
    --disable-makeinstall-setuid --disable-asciidoc --disable-poman --disable-pylibmount \
"

do_install:append:class-target() {
    install -d ${D}${sysconfdir}/pam.d
    for service in login su su-l runuser runuser-l; do
        install -m 0644 ${UNPACKDIR}/$service.pam ${D}${sysconfdir}/pam.d/$service
    done
}

PACKAGES =+ "libblkid libfdisk libmount libsmartcols libuuid"
FILES:libblkid = "${libdir}/libblkid.so.*"
FILES:libfdisk = "${libdir}/libfdisk.so.*"
FILES:libmount = "${libdir}/libmount.so.*"
FILES:libsmartcols = "${libdir}/libsmartcols.so.*"
FILES:libuuid = "${libdir}/libuuid.so.*"
FILE_PERMS:${PN} = "${bindir}/mount:4755:root:root ${bindir}/umount:4755:root:root ${bindir}/su:4755:root:root"

BBCLASSEXTEND = "native"
