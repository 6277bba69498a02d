# The kernel: configured by fragments on top of `allnoconfig`, built, and laid out for packages and for the boot loader.
#
# Fragments are the *.cfg of SRC_URI. One of their options that the configuration comes out without is an error, as
# Kconfig drops an option in silence when something that it depends on isn't set.

PROVIDES += "virtual/kernel"

INHIBIT_DEFAULT_DEPS = "1"
DEPENDS = "virtual/cross-cc"
# Its build makes tools that run on the build host, with the host's own C library, libelf and libcrypto.
HB_HOST_HEADERS = "1"
do_compile[vardeps] += "HB_HOST_HEADERS"

inherit deploy

B = "${WORKDIR}/build"
KERNEL_ARCH ?= "x86"
KERNEL_IMAGETYPE ?= "bzImage"
KERNEL_IMAGEDEST ?= "${nonarch_libdir}/modules"
KERNEL_FRAGMENTS = "${@' '.join(d.getVar('UNPACKDIR') + '/' + uri[len('file://'):].split(';')[0] for uri in d.getVar('SRC_URI').split() if uri.startswith('file://') and uri.split(';')[0].endswith('.cfg'))}"

EXTRA_OEMAKE = " \
    -C ${S} O=${B} ARCH=${KERNEL_ARCH} CROSS_COMPILE=${TARGET_PREFIX} \
    HOSTCC='${BUILD_CC}' HOSTCXX='${BUILD_CXX}' \
"
export KBUILD_BUILD_TIMESTAMP = "Thu Jan  1 00:00:00 UTC 2026"
export KBUILD_BUILD_USER = "hadron"
export KBUILD_BUILD_HOST = "hadronbake"
export KBUILD_BUILD_VERSION = "1"

# The kernel knows its own flags.
kernel_clean_environment() {
    unset CC CXX CPP LD AR AS NM RANLIB STRIP OBJCOPY OBJDUMP READELF CPPFLAGS CFLAGS CXXFLAGS LDFLAGS
}

do_configure[cleandirs] = "${B}"
kernel_do_configure() {
    kernel_clean_environment
    cat ${KERNEL_FRAGMENTS} > ${WORKDIR}/wanted.config
    oe_runmake KCONFIG_ALLCONFIG=${WORKDIR}/wanted.config allnoconfig
    kernel_check_config
}

# Each line of a fragment must be a line of the configuration; "# CONFIG_X is not set" is also true of an option that isn't offered.
# hbake: disable=HBW405  lost is 0 or 1
kernel_check_config() {
    lost=0
    for fragment in ${KERNEL_FRAGMENTS}; do
        while read -r line; do
            case $line in
            CONFIG_*=n)
                option=${line%%=*}
                ;;
            CONFIG_*)
                if ! grep -qxF -- "$line" ${B}/.config; then
                    bberror "$(basename $fragment) asks for $line, the configuration has: $(grep -E "^(# )?${line%%=*}[= ]" ${B}/.config || echo 'nothing of that name: a dependency is missing')"
                    lost=1
                fi
                continue
                ;;
            "# CONFIG_"*" is not set")
                option=${line#\# }
                option=${option%% *}
                ;;
            *)
                continue
                ;;
            esac
            if grep -qE -- "^$option=" ${B}/.config; then
                bberror "$(basename $fragment) does not want $option, but another option selects it"
                lost=1
            fi
        done < $fragment
    done
    if [ $lost != 0 ]; then
        bbfatal "the kernel's configuration is not what the fragments ask for"
    fi
}

kernel_do_compile() {
    kernel_clean_environment
    oe_runmake ${KERNEL_IMAGETYPE}
    if grep -q '^CONFIG_MODULES=y' ${B}/.config; then
        oe_runmake modules
    fi
}

kernel_do_install() {
    kernel_clean_environment
    release=$(cat ${B}/include/config/kernel.release)
    dest=${D}${KERNEL_IMAGEDEST}/$release
    install -d $dest
    if grep -q '^CONFIG_MODULES=y' ${B}/.config; then
        oe_runmake INSTALL_MOD_PATH=${D}/usr INSTALL_MOD_STRIP=1 DEPMOD=true modules_install
        rm -f $dest/build $dest/source
    fi
    install -m 0644 ${B}/arch/${KERNEL_ARCH}/boot/${KERNEL_IMAGETYPE} $dest/vmlinuz
    install -m 0644 ${B}/System.map $dest/System.map
    install -m 0644 ${B}/.config $dest/config
}

EXPORT_FUNCTIONS do_configure do_compile do_install

do_deploy() {
    for dir in ${D}${KERNEL_IMAGEDEST}/*/; do
        install -m 0644 $dir/vmlinuz ${DEPLOYDIR}/${KERNEL_IMAGETYPE}
        install -m 0644 $dir/System.map ${DEPLOYDIR}/System.map
        install -m 0644 $dir/config ${DEPLOYDIR}/kernel.config
    done
}

# Nothing is built against the kernel itself; its headers are linux-headers'.
SYSROOT_DIRS = ""

PACKAGES = "${PN}-dbg ${PN}"
FILES:${PN}-dbg = "${KERNEL_IMAGEDEST}/*/System.map"
FILES:${PN} = "${KERNEL_IMAGEDEST}"
INHIBIT_PACKAGE_STRIP = "1"
