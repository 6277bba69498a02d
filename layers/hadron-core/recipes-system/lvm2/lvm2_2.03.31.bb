SUMMARY = "Device-mapper and logical volumes: library, dmsetup, lvm"
DESCRIPTION = "The library that everything which maps block devices is built on, and the programs that make volumes of many disks."
HOMEPAGE = "https://sourceware.org/lvm2/"
LICENSE = "LGPL-2.1-only AND GPL-2.0-only"
DEPENDS = "libaio util-linux"

SRC_URI = "https://sourceware.org/pub/lvm2/releases/LVM2.${PV}.tgz"
SRC_URI[sha256sum] = "5db2956a00fbf87d92274cccc92436387ec0c3faadece7413ece1ba1c10c98ff"

S = "${UNPACKDIR}/LVM2.${PV}"

inherit autotools-brokensep

CACHED_CONFIGUREVARS = "ac_cv_func_malloc_0_nonnull=yes ac_cv_func_realloc_0_nonnull=yes"

# systemd's cryptsetup needs the library, so udev's comes later: the library makes nodes itself and doesn't wait for udev, whose
# rules make the same names again.
EXTRA_OECONF = " \
    --enable-pkgconfig --disable-udev_sync --enable-udev_rules --with-udev-prefix=${prefix} --disable-readline --disable-selinux \
    --with-thin=internal --with-thin-check= --with-thin-dump= --with-thin-repair= --with-thin-restore= \
    --with-cache=none --with-vdo=none --with-writecache=none --with-integrity=none --with-systemd-run=${bindir}/systemd-run \
    --disable-systemd-journal --disable-app-machineid --disable-dmeventd --disable-lvmpolld --disable-use-lvmpolld --disable-fsadm \
    --disable-blkdeactivate --disable-nls --without-libnvme --with-user= --with-group= \
    --with-default-dm-run-dir=/run --with-default-run-dir=/run/lvm --with-default-pid-dir=/run --with-default-locking-dir=/run/lock/lvm \
    --with-confdir=${sysconfdir} \
"

do_configure:append() {
    # It asks the sysroot for udev.
    sed -i 's/^BLKID_RULE=.*/BLKID_RULE=IMPORT{builtin}=\\"blkid\\"/' ${S}/udev/Makefile
    # musl's streams can't be assigned to; they can be opened anew.
    sed -i 's/(\(std[a-z]*\) = fopen(_PATH_DEVNULL, \("[rw]"\)))/freopen(_PATH_DEVNULL, \2, \1)/' ${S}/tools/lvmcmdline.c
    # Nor need they buffers of lvm's own, for which they would be.
    sed -i 's/^\(\tif (\)set_buffering\b/\10 \&\& set_buffering/' ${S}/lib/commands/toolcontext.c
    grep -q '0 && set_buffering' ${S}/lib/commands/toolcontext.c || bbfatal "lvm would still open its streams anew"
}

do_compile() {
    oe_runmake device-mapper
    oe_runmake tools
}

do_install() {
    # It links dmsetup from two places at once, if it may.
    oe_runmake -j 1 DESTDIR=${D} install_device-mapper
    oe_runmake -j 1 DESTDIR=${D} -C tools install_tools_dynamic
    oe_runmake -j 1 DESTDIR=${D} -C udev install_lvm2
    # Without synchronization nobody waits for an answer.
    rm -f ${D}${prefix}/lib/udev/rules.d/95-dm-notify.rules
    chmod -R u+w ${D}
}

PACKAGES =+ "libdevmapper dmsetup"
FILES:libdevmapper = "${libdir}/libdevmapper.so.*"
FILES:dmsetup = "${bindir}/dm* ${prefix}/lib/udev/rules.d/1[03]-dm*"
RDEPENDS:${PN} = "dmsetup"
