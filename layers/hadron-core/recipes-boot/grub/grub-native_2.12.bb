SUMMARY = "The boot loader for BIOS and UEFI: its modules for the machine, and the tools that make images of them"
HOMEPAGE = "https://www.gnu.org/software/grub/"
LICENSE = "GPL-3.0-or-later"

SRC_URI = "https://ftp.gnu.org/gnu/grub/grub-${PV}.tar.xz"
SRC_URI[sha256sum] = "f3c97391f7c4eaa677a78e090c7e97e6dc47b16f655f04683ebd37bef7fe0faa"

# The tools are the build host's; what runs on the machine is compiled by the machine's compiler.
DEPENDS = "virtual/cross-cc"

inherit autotools native

GRUB_PLATFORMS = "i386-pc x86_64-efi"

# Without what only a desktop's menu or a rescue system would ask for.
EXTRA_OECONF = " \
    --disable-werror --disable-nls --disable-grub-mkfont --disable-grub-mount --disable-grub-themes --disable-device-mapper \
    --disable-libzfs --disable-liblzma --disable-efiemu \
"
CACHED_CONFIGUREVARS = " \
    TARGET_CC=${TARGET_PREFIX}gcc TARGET_OBJCOPY=${TARGET_PREFIX}objcopy TARGET_STRIP=${TARGET_PREFIX}strip TARGET_NM=${TARGET_PREFIX}nm \
    TARGET_RANLIB=${TARGET_PREFIX}ranlib \
"

# Its makefiles put CFLAGS behind the loader's own flags. At -O2 the compiler moves cold code to the front of the image, where the
# loader's first instruction must be.
CFLAGS:append = " -Os"

# The release lacks this file: which modules need another one without using a symbol of it.
do_configure() {
    echo "depends bli part_gpt" > ${S}/grub-core/extra_deps.lst
    for platform in ${GRUB_PLATFORMS}; do
        mkdir -p ${B}/$platform
        cd ${B}/$platform
        oe_runconf --target=${platform%-*} --with-platform=${platform#*-}
    done
}

do_compile() {
    for platform in ${GRUB_PLATFORMS}; do
        oe_runmake -C ${B}/$platform
    done
}

# Modules as they are loaded: those with symbols for a debugger are ten times as large.
do_install() {
    for platform in ${GRUB_PLATFORMS}; do
        oe_runmake -C ${B}/$platform DESTDIR=${D} install
        rm -f ${D}${libdir}/grub/$platform/*.module ${D}${libdir}/grub/$platform/*.exec ${D}${libdir}/grub/$platform/gdb*
    done
    rm -rf ${D}${datadir} ${D}${sysconfdir}
}
