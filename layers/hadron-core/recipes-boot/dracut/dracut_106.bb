SUMMARY = "Makes the initramfs: what finds the root filesystem and hands over to it"
HOMEPAGE = "https://github.com/dracut-ng/dracut-ng"
LICENSE = "GPL-2.0-or-later"
DEPENDS = "fts kmod"

DRACUT_ARCHIVE = "https://github.com/dracut-ng/dracut-ng/archive/refs/tags/${PV}.tar.gz;downloadfilename=dracut-${PV}.tar.gz"
SRC_URI = "${DRACUT_ARCHIVE} file://musl-ldd file://10-musl.conf file://live-overlay.sh"
SRC_URI[sha256sum] = "9009ac13072c9b583822ad1a17f2cca47af463190f0d6623e90b0f1107c71f95"

S = "${UNPACKDIR}/dracut-ng-${PV}"

inherit pkgconfig

do_configure() {
    ./configure --prefix=${prefix} --libdir=${prefix}/lib --sysconfdir=${sysconfdir} --sbindir=${sbindir} \
        --systemdsystemunitdir=${systemd_system_unitdir} --disable-documentation --disable-dracut-cpio
}

EXTRA_OEMAKE = "DRACUT_MAIN_VERSION=${PV} DRACUT_FULL_VERSION=${PV}"

do_compile() {
    oe_runmake
}

do_install() {
    oe_runmake DESTDIR=${D} install
    # For other distributions, and for whoever installs kernels on a running system.
    rm -rf ${D}${prefix}/lib/kernel ${D}${datadir}/bash-completion ${D}${libdir}/dracut/test
    install -m 0755 ${UNPACKDIR}/musl-ldd ${D}${prefix}/lib/dracut/musl-ldd
    install -D -m 0755 ${UNPACKDIR}/live-overlay.sh ${D}${prefix}/lib/dracut/modules.d/90live-overlay/module-setup.sh
    install -D -m 0644 ${UNPACKDIR}/10-musl.conf ${D}${prefix}/lib/dracut/dracut.conf.d/10-musl.conf
}

FILES:${PN} = "${bindir} ${prefix}/lib ${sysconfdir}"
RDEPENDS:${PN} = "bash busybox coreutils kmod systemd util-linux"
