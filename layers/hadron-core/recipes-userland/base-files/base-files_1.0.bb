SUMMARY = "Directory skeleton and first files of the root file system"
DESCRIPTION = "The links of a merged /usr, the directories and mount points everything else relies on, and the few \
files in /etc that belong to no program."
LICENSE = "Apache-2.0"

SRC_URI = " \
    file://profile \
    file://locale.sh \
    file://shells \
    file://hosts \
    file://issue \
    file://fstab \
    file://protocols \
    file://services \
"

S = "${UNPACKDIR}"
INHIBIT_DEFAULT_DEPS = "1"

OS_RELEASE_NAME ?= "Hadron Linux"
OS_RELEASE_ID ?= "hadron"
OS_RELEASE_VERSION ?= "${DISTRO_VERSION}"
OS_RELEASE_HOME_URL ?= "https://github.com/kairos-io/hadron"
OS_RELEASE_BUG_URL ?= "https://github.com/kairos-io/hadron/issues"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    # Everything executable is in /usr/bin, every library in /usr/lib; the old names lead there.
    install -d -m 0755 ${D}/usr/bin ${D}/usr/lib ${D}/usr/share ${D}/usr/local/bin ${D}/usr/local/lib ${D}/usr/local/share
    ln -s usr/bin ${D}/bin
    ln -s usr/bin ${D}/sbin
    ln -s usr/lib ${D}/lib
    ln -s usr/lib ${D}/lib64
    ln -s bin ${D}/usr/sbin
    ln -s lib ${D}/usr/lib64

    install -d -m 0755 ${D}/boot ${D}/dev ${D}/home ${D}/media ${D}/mnt ${D}/opt ${D}/run ${D}/srv
    install -d -m 0555 ${D}/proc ${D}/sys
    install -d -m 0700 ${D}/root
    install -d -m 1777 ${D}/tmp

    install -d -m 0755 ${D}/var/cache ${D}/var/lib ${D}/var/log ${D}/var/opt ${D}/var/spool
    install -d -m 1777 ${D}/var/tmp
    ln -s ../run ${D}/var/run
    ln -s ../run/lock ${D}/var/lock

    install -d -m 0755 ${D}${sysconfdir}/profile.d ${D}${sysconfdir}/skel ${D}${sysconfdir}/opt
    install -m 0644 ${S}/profile ${S}/shells ${S}/hosts ${S}/issue ${S}/fstab ${S}/protocols ${S}/services ${D}${sysconfdir}/
    install -m 0644 ${S}/locale.sh ${D}${sysconfdir}/profile.d/locale.sh
    printf 'LANG=C.UTF-8\n' > ${D}${sysconfdir}/locale.conf
    printf '${OS_RELEASE_ID}\n' > ${D}${sysconfdir}/hostname
    ln -s ../proc/self/mounts ${D}${sysconfdir}/mtab

    cat > ${D}/usr/lib/os-release <<EOF
NAME="${OS_RELEASE_NAME}"
ID=${OS_RELEASE_ID}
VERSION="${OS_RELEASE_VERSION}"
VERSION_ID=${OS_RELEASE_VERSION}
PRETTY_NAME="${OS_RELEASE_NAME} ${OS_RELEASE_VERSION}"
CPE_NAME="cpe:/o:kairos:hadron:${OS_RELEASE_VERSION}"
HOME_URL="${OS_RELEASE_HOME_URL}"
BUG_REPORT_URL="${OS_RELEASE_BUG_URL}"
EOF
    ln -s ../usr/lib/os-release ${D}${sysconfdir}/os-release
}

# One package with everything, empty directories included: its paths lie outside of what other packages take.
PACKAGES = "${PN}"
FILES:${PN} = "/"
ALLOW_EMPTY:${PN} = "1"
