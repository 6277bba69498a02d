SUMMARY = "Makes, checks and grows ext4 filesystems"
HOMEPAGE = "https://e2fsprogs.sourceforge.net/"
LICENSE = "GPL-2.0-only AND LGPL-2.0-only AND BSD-3-Clause AND MIT"
DEPENDS = "util-linux"

SRC_URI = "https://www.kernel.org/pub/linux/kernel/people/tytso/e2fsprogs/v${PV}/e2fsprogs-${PV}.tar.xz"
SRC_URI[sha256sum] = "08242e64ca0e8194d9c1caad49762b19209a06318199b63ce74ae4ef2d74e63c"

inherit autotools

# Block identifiers and UUIDs are util-linux' business.
EXTRA_OECONF = " \
    --enable-elf-shlibs --disable-libblkid --disable-libuuid --disable-uuidd --disable-fsck --disable-nls --disable-e2initrd-helper \
    --disable-defrag --disable-fuse2fs --disable-debugfs --disable-imager --without-libarchive --with-crond-dir=no --with-systemd-unit-dir=no \
    --with-udev-rules-dir=no --with-root-prefix= \
"
# Compared with what stands there: the day of the build otherwise.
export SOURCE_DATE_EPOCH

do_install() {
    # Each directory makes the same helper programs.
    oe_runmake -j 1 DESTDIR=${D} install install-libs
    rm -f ${D}${libdir}/*.a ${D}${libdir}/e2initrd_helper
    rm -rf ${D}${datadir}/et ${D}${datadir}/ss ${D}${bindir}/compile_et ${D}${bindir}/mk_cmds
    chmod -R u+w ${D}
}

PACKAGES =+ "${PN}-libs ${PN}-extra"
FILES:${PN}-libs = "${libdir}/*.so.*"
FILES:${PN}-extra = "${bindir}/badblocks ${bindir}/chattr ${bindir}/e2freefrag ${bindir}/e4crypt ${bindir}/filefrag ${bindir}/logsave \
    ${bindir}/lsattr ${bindir}/mklost+found ${bindir}/e2scrub* ${bindir}/e2undo"
