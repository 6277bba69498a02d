SUMMARY = "System and service manager, with udev, journal, network, resolver, clock and boot loader"

require systemd-257.inc

DEPENDS = "acl cryptsetup kmod libcap libpam libseccomp libxcrypt lz4 openssl tpm2-tss util-linux xz zlib zstd"

# Which patches make it work on musl: "hadron", our own, or "oe", OpenEmbedded-Core's, fetched from its repository.
SYSTEMD_MUSL_SERIES ?= "hadron"

FILESEXTRAPATHS:prepend := "${THISDIR}:"
SRC_URI += " \
    file://default.preset \
    file://hadron.preset \
    file://no-credentials.conf \
    file://no-modules.conf \
    file://no-network.conf \
    file://coldplug.conf \
    file://late.conf \
    file://media.conf \
    file://sessions.conf \
    file://core/0001-core-apply-a-unit-s-weight-when-the-start-is-over.patch \
    file://boot/0001-boot-restart-when-a-counted-entry-does-not-start.patch \
    ${SYSTEMD_MUSL_${SYSTEMD_MUSL_SERIES}} \
"

SYSTEMD_MUSL_hadron = " \
    file://musl/0001-search-src-basic-musl-before-the-C-library-s-headers.patch \
    file://musl/0002-musl-add-comparison_fn_t.patch \
    file://musl/0003-musl-add-parse_printf_format.patch \
    file://musl/0004-musl-add-glob-with-braces-and-callbacks.patch \
    file://musl/0005-musl-give-strerror_r-its-GNU-meaning.patch \
    file://musl/0006-musl-add-malloc_trim-and-malloc_info.patch \
    file://musl/0007-musl-take-sys-prctl.h-from-the-kernel-s.patch \
    file://musl/0008-musl-add-struct-dirent64.patch \
    file://musl/0009-musl-set-HOST_NAME_MAX-to-the-kernel-s-limit.patch \
    file://musl/0010-format-util-fit-RLIM_FMT-to-musl-s-rlim_t.patch \
    file://musl/0011-user-record-nss-honour-Dgshadow-false.patch \
    file://musl/0012-linux-include-musl-s-network-headers-before-the-kern.patch \
    file://musl/0013-build-path-add-the-load-address-on-all-C-libraries-b.patch \
    file://musl/0014-boot-use-the-compiler-s-wchar_t.patch \
"

# OpenEmbedded-Core's 0008 (basename) doesn't apply to this version: our 0001 takes its place. What it doesn't have, we add:
# the host name's length, and a boot loader built together with the rest. musl/oe.series names its patches, each with its sha256.
OE_CORE_REV = "aad849301be157b5605fc0133e7312ca30250d82"
SYSTEMD_MUSL_oe = " \
    git://git.openembedded.org/openembedded-core;protocol=https;branch=master;name=oe;rev=${OE_CORE_REV};subpath=meta/recipes-core/systemd/systemd;destsuffix=oe-series \
    file://musl/oe.series \
    file://musl/0001-search-src-basic-musl-before-the-C-library-s-headers.patch \
    file://musl/0009-musl-set-HOST_NAME_MAX-to-the-kernel-s-limit.patch \
    file://musl/0014-boot-use-the-compiler-s-wchar_t.patch \
"
SERIES_CPPFLAGS_hadron = ""
SERIES_CPPFLAGS_oe = "-D__UAPI_DEF_ETHHDR=0 -D_LARGEFILE64_SOURCE"
TARGET_CPPFLAGS = "${SERIES_CPPFLAGS_${SYSTEMD_MUSL_SERIES}}"

python() {
    series = d.getVar("SYSTEMD_MUSL_SERIES")
    if series not in ("hadron", "oe"):
        bb.fatal('SYSTEMD_MUSL_SERIES is "%s"; it may be "hadron" or "oe"' % series)
}

do_patch[postfuncs] += "apply_oe_series"
apply_oe_series() {
    if [ "${SYSTEMD_MUSL_SERIES}" != oe ]; then
        return
    fi
    cd ${S}
    while read -r sum name; do
        file=${UNPACKDIR}/oe-series/$name
        [ -e "$file" ] || file=${UNPACKDIR}/oe-series/meta/recipes-core/systemd/systemd/$name
        [ "$(sha256sum < "$file" | cut -d' ' -f1)" = "$sum" ] || bbfatal "$name of OpenEmbedded-Core isn't the one that was checked: its sha256 isn't $sum"
        patch -p1 -F0 --no-backup-if-mismatch -i "$file" || bbfatal "$name of OpenEmbedded-Core doesn't apply"
    done < ${UNPACKDIR}/musl/oe.series
}

# Symbols for a debugger come from DEBUG_FLAGS, as everywhere.
# Without NSS there is nobody to ask userdbd or homed; musl has neither a cache for ldconfig nor locales to choose from.
EXTRA_OEMESON = " \
    ${SYSTEMD_COMMON_MESON} -Ddebug=false \
    -Dacl=enabled -Dblkid=enabled -Dfdisk=enabled -Dkmod=enabled -Dopenssl=enabled -Dpam=enabled -Dseccomp=enabled \
    -Dlz4=enabled -Dxz=enabled -Dzlib=enabled -Dzstd=enabled -Ddefault-compression=zstd -Ddbus=disabled \
    -Dnetworkd=true -Ddefault-network=true -Dresolve=true -Dtimesyncd=true -Dlogind=true -Dhostnamed=true -Dtimedated=true \
    -Dvconsole=true -Dsysusers=true -Dtmpfiles=true -Dhwdb=true -Drepart=enabled -Dsysext=true -Defi=true -Dbootloader=enabled \
    -Dlibcryptsetup=enabled -Dlibcryptsetup-plugins=disabled -Dtpm=true -Dtpm2=enabled \
    -Duserdb=false -Dhomed=disabled -Dlocaled=false -Dldconfig=false -Dfirstboot=false -Dmachined=false -Dportabled=false -Dimportd=disabled \
    -Dremote=disabled -Dsysupdate=disabled -Dsysupdated=disabled -Dnsresourced=false -Dmountfsd=false -Dstoragetm=false -Dvmspawn=disabled \
    -Dxdg-autostart=false -Dukify=disabled -Drfkill=false -Dquotacheck=false -Dhibernate=false \
    -Dsbat-distro=hadron -Dsbat-distro-generation=1 -Dsbat-distro-summary='${DISTRO_NAME}' -Dsbat-distro-pkgname=systemd \
    -Dsbat-distro-version=${PV} -Dsbat-distro-url=https://github.com/kairos-io/hadron \
    -Dpamlibdir=${libdir}/security -Dpamconfdir=${prefix}/lib/pam.d -Ddbuspolicydir=${datadir}/dbus-1/system.d \
    -Dbashcompletiondir=no -Dzshcompletiondir=no -Dsshconfdir=no -Dsshdconfdir=no -Dxinitrcdir=no \
    -Dsulogin-path=${bindir}/sulogin -Dmount-path=${bindir}/mount -Dumount-path=${bindir}/umount -Dkmod-path=${bindir}/kmod \
    -Dkexec-path=${bindir}/kexec -Dquotaon-path=${bindir}/quotaon -Dquotacheck-path=${bindir}/quotacheck \
    -Dloadkeys-path=${bindir}/loadkeys -Dsetfont-path=${bindir}/setfont -Dnologin-path=${bindir}/nologin \
    -Dfallback-hostname=hadron -Dcertificate-root=${sysconfdir}/ssl -Dsupport-url=https://github.com/kairos-io/hadron/issues \
    -Ddefault-dnssec=no ${SYSTEMD_IDS_MESON} \
"
# The numbers stay the same in all images, whatever else is in them: files that outlive an image belong to them.
SYSTEMD_IDS_MESON = " \
    -Dadm-gid=4 -Dtty-gid=5 -Ddisk-gid=6 -Dlp-gid=7 -Dkmem-gid=9 -Dwheel-gid=10 -Dcdrom-gid=11 -Ddialout-gid=18 -Dutmp-gid=22 \
    -Dtape-gid=33 -Dkvm-gid=36 -Dvideo-gid=39 -Daudio-gid=63 -Dusers-gid=100 -Dinput-gid=104 -Drender-gid=105 -Dsgx-gid=106 \
    -Dsystemd-journal-gid=190 -Dsystemd-network-uid=192 -Dsystemd-resolve-uid=193 -Dsystemd-timesync-uid=194 \
"
MESON_BUILDTYPE = "minsize"
FULL_OPTIMIZATION = "-Os -pipe"

# All programs share two large libraries. What these call in themselves is bound when they are linked, and not 5,000 times at each start of a program.
TARGET_LDFLAGS += "-Wl,-Bsymbolic-functions -Wl,-z,pack-relative-relocs"

SYSTEMD_UNITS = "${prefix}/lib/systemd/system"
# The login prompt comes first: what nobody waits for there is done with the time that is left.
LATE_UNITS = " \
    dbus sshd sshd-keygen systemd-logind systemd-networkd systemd-networkd-persistent-storage systemd-resolved systemd-timesyncd \
    systemd-vconsole-setup \
"

do_install:append() {
    # After systemd's own presets and those of packages: what nobody asked for stays off.
    install -m 0644 ${UNPACKDIR}/default.preset ${D}${prefix}/lib/systemd/system-preset/99-default.preset
    # A start is made of what this system needs. The rest can be asked for by its name.
    install -m 0644 ${UNPACKDIR}/hadron.preset ${D}${prefix}/lib/systemd/system-preset/80-hadron.preset
    install -D -m 0644 ${UNPACKDIR}/no-modules.conf ${D}${SYSTEMD_UNITS}/modprobe@.service.d/hadron.conf
    install -D -m 0644 ${UNPACKDIR}/no-credentials.conf ${D}${SYSTEMD_UNITS}/systemd-udev-load-credentials.service.d/hadron.conf
    install -D -m 0644 ${UNPACKDIR}/no-network.conf ${D}${SYSTEMD_UNITS}/systemd-network-generator.service.d/hadron.conf
    install -m 0644 ${UNPACKDIR}/media.conf ${D}${prefix}/lib/tmpfiles.d/hadron-media.conf
    install -D -m 0644 ${UNPACKDIR}/coldplug.conf ${D}${SYSTEMD_UNITS}/systemd-udev-trigger.service.d/hadron.conf
    for unit in ${LATE_UNITS}; do
        install -D -m 0644 ${UNPACKDIR}/late.conf ${D}${SYSTEMD_UNITS}/$unit.service.d/10-late.conf
    done
    install -D -m 0644 ${UNPACKDIR}/sessions.conf ${D}${SYSTEMD_UNITS}/session-.scope.d/hadron.conf
    # Names and time are wanted by what uses the network, and don't hold back all the rest; users may log in before there is a network.
    sed -i -e '/^Before=/s/ *sysinit\.target//; s/^WantedBy=sysinit\.target/WantedBy=multi-user.target/' \
        ${D}${SYSTEMD_UNITS}/systemd-resolved.service ${D}${SYSTEMD_UNITS}/systemd-timesyncd.service
    sed -i '/^After=/s/ network\.target//' ${D}${SYSTEMD_UNITS}/systemd-user-sessions.service
    sed -i 's/^Type=idle/Type=simple/' ${D}${SYSTEMD_UNITS}/getty@.service ${D}${SYSTEMD_UNITS}/serial-getty@.service
    if grep -E '^(Before|WantedBy)=.*sysinit|^After=.* network\.target|^Type=idle' ${D}${SYSTEMD_UNITS}/systemd-resolved.service \
        ${D}${SYSTEMD_UNITS}/systemd-timesyncd.service ${D}${SYSTEMD_UNITS}/systemd-user-sessions.service \
        ${D}${SYSTEMD_UNITS}/getty@.service ${D}${SYSTEMD_UNITS}/serial-getty@.service; then
        bbfatal "these units look different now: they still hold back the login prompt"
    fi
    for unit in dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount systemd-tmpfiles-setup-dev-early.service; do
        rm ${D}${SYSTEMD_UNITS}/sysinit.target.wants/$unit
    done
    # The kernel has the keys that are wanted, unless the owner says otherwise.
    sed -i 's/^\(ACTION=="add", SUBSYSTEM=="vtconsole"\),/\1, TEST=="\/etc\/vconsole.conf",/' ${D}${prefix}/lib/udev/rules.d/90-vconsole.rules
    grep -q TEST ${D}${prefix}/lib/udev/rules.d/90-vconsole.rules
    # Made at boot by tmpfiles.d; /etc is for the machine's owner.
    rm -rf ${D}${localstatedir} ${D}/run ${D}${sysconfdir}/init.d ${D}${sysconfdir}/rc.d ${D}${sysconfdir}/xdg
    # The image has PID 1 under its traditional name too.
    [ -L ${D}${bindir}/init ] || ln -s ../lib/systemd/systemd ${D}${bindir}/init
}

PACKAGES = "${PN}-dbg ${PN}-staticdev ${PN}-dev ${PN}-doc ${PN}-boot ${PN}-cryptsetup ${PN}-udev-hwdb-names ${PN}-udev-hwdb libsystemd libudev ${PN}"
FILES:libsystemd = "${libdir}/libsystemd.so.*"
FILES:libudev = "${libdir}/libudev.so.*"
# What opens encrypted and verified disks, and what speaks with a TPM: for images that have both.
FILES:${PN}-cryptsetup = " \
    ${bindir}/systemd-cryptenroll ${bindir}/systemd-cryptsetup \
    ${prefix}/lib/systemd/system-generators/systemd-*setup-generator \
    ${prefix}/lib/systemd/systemd-cryptsetup ${prefix}/lib/systemd/systemd-veritysetup ${prefix}/lib/systemd/systemd-integritysetup \
    ${prefix}/lib/systemd/systemd-measure ${prefix}/lib/systemd/systemd-pcr* ${prefix}/lib/systemd/systemd-tpm2-setup \
    ${prefix}/lib/pcrlock.d \
    ${SYSTEMD_UNITS}/*cryptsetup* ${SYSTEMD_UNITS}/*veritysetup* ${SYSTEMD_UNITS}/*integritysetup* \
    ${SYSTEMD_UNITS}/*.wants/*cryptsetup* ${SYSTEMD_UNITS}/*.wants/*veritysetup* ${SYSTEMD_UNITS}/*.wants/*integritysetup* \
    ${SYSTEMD_UNITS}/systemd-pcr* ${SYSTEMD_UNITS}/*.wants/systemd-pcr* \
    ${SYSTEMD_UNITS}/systemd-tpm2-setup* ${SYSTEMD_UNITS}/*.wants/systemd-tpm2-setup* \
"
# The libraries are loaded when they are needed, without being linked.
RDEPENDS:${PN}-cryptsetup = "${PN} cryptsetup dmsetup tpm2-tss"
FILES:${PN}-boot = "${prefix}/lib/systemd/boot/efi"
# Names of makers and products, which no rule asks for: nine tenths of the database.
FILES:${PN}-udev-hwdb-names = " \
    ${prefix}/lib/udev/hwdb.d/20-OUI.hwdb ${prefix}/lib/udev/hwdb.d/20-acpi-vendor.hwdb ${prefix}/lib/udev/hwdb.d/20-*-vendor-*.hwdb \
"
FILES:${PN}-udev-hwdb = "${prefix}/lib/udev/hwdb.d"
FILES:${PN}-dev = "${includedir} ${libdir}/libsystemd.so ${libdir}/libudev.so ${libdir}/pkgconfig ${datadir}/pkgconfig"
FILES:${PN} = "/"
# mount is run by PID 1, agetty and sulogin by its units; the libraries are loaded when they are needed, without being linked.
RDEPENDS:${PN} = "util-linux libkmod liblz4 liblzma libzstd"
RRECOMMENDS:${PN} = "dbus kmod kbd ${PN}-udev-hwdb"
