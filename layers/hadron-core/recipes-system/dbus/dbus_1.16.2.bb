SUMMARY = "D-Bus message bus: daemon, library and tools"
HOMEPAGE = "https://www.freedesktop.org/wiki/Software/dbus/"
LICENSE = "AFL-2.1 OR GPL-2.0-or-later"
# systemd has its own implementation of the protocol and needs nothing of this one to be built.
DEPENDS = "expat systemd"

SRC_URI = "https://dbus.freedesktop.org/releases/dbus/dbus-${PV}.tar.xz"
SRC_URI[sha256sum] = "0ba2a1a4b16afe7bceb2c07e9ce99a8c2c3508e5dec290dbb643384bd6beb7e2"

inherit meson

# Started by systemd only: no helper that runs as root to start services.
EXTRA_OEMESON = " \
    -Dsystemd=enabled -Duser_session=true -Dsystemd_system_unitdir=${systemd_system_unitdir} -Dsystemd_user_unitdir=${systemd_user_unitdir} \
    -Dtraditional_activation=false -Druntime_dir=/run -Dsystem_socket=/run/dbus/system_bus_socket -Dsystem_pid_file=/run/dbus/pid \
    -Dsession_socket_dir=/tmp -Ddbus_user=messagebus -Dapparmor=disabled -Dselinux=disabled -Dlibaudit=disabled -Dlaunchd=disabled \
    -Dkqueue=disabled -Dmodular_tests=disabled -Dinstalled_tests=false -Dintrusive_tests=false -Dvalgrind=disabled \
    -Ddoxygen_docs=disabled -Dducktype_docs=disabled -Dxml_docs=disabled -Dqt_help=disabled -Drelocation=disabled -Dstats=false \
"

do_install:append() {
    # Made by tmpfiles at boot; and nobody starts a session bus from a shell's profile here.
    rm -rf ${D}/run ${D}${localstatedir}
}

PACKAGES =+ "${PN}-tools libdbus"
FILES:libdbus = "${libdir}/libdbus-1.so.*"
FILES:${PN}-tools = "${bindir}/dbus-cleanup-sockets ${bindir}/dbus-launch ${bindir}/dbus-monitor ${bindir}/dbus-run-session \
    ${bindir}/dbus-test-tool ${bindir}/dbus-update-activation-environment"
FILES:${PN} = "${bindir} ${sysconfdir} ${datadir}/dbus-1 ${prefix}/lib/systemd ${prefix}/lib/sysusers.d ${prefix}/lib/tmpfiles.d"
FILES:${PN}-dev += "${libdir}/dbus-1.0 ${datadir}/xml"
