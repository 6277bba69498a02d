# Packages built by meson (the build host's) and ninja.
inherit pkgconfig

B = "${WORKDIR}/build"
MESON_SOURCEPATH = "${S}"
MESON_BUILDTYPE ?= "plain"
MESON_TARGET ?= ""
EXTRA_OEMESON ??= ""
DISABLE_STATIC ??= ""

MESON_FILES = "--cross-file=${WORKDIR}/meson.cross --native-file=${WORKDIR}/meson.native"
MESON_FILES:class-native = "--native-file=${WORKDIR}/meson.native"

MESONOPTS = " \
    --prefix=${prefix} --bindir=${bindir} --sbindir=${sbindir} --libdir=${libdir} --libexecdir=${libexecdir} --includedir=${includedir} \
    --datadir=${datadir} --mandir=${mandir} --infodir=${infodir} --sysconfdir=${sysconfdir} --localstatedir=${localstatedir} \
    --sharedstatedir=${sharedstatedir} --buildtype=${MESON_BUILDTYPE} --wrap-mode=nodownload -Db_pie=false -Db_lto=false \
    -Ddefault_library=${@'shared' if d.getVar('DISABLE_STATIC') else 'both'} \
"

def meson_list(text):
    """A meson array of the words of a variable."""
    import shlex

    return "[" + ", ".join("'" + word.replace("'", "\\'") + "'" for word in shlex.split(text or "")) + "]"

meson_write_files() {
    cat > ${WORKDIR}/meson.cross << 'EOF'
[binaries]
c = ${@meson_list(d.getVar('CC'))}
cpp = ${@meson_list(d.getVar('CXX'))}
ar = ${@meson_list(d.getVar('AR'))}
nm = ${@meson_list(d.getVar('NM'))}
ranlib = ${@meson_list(d.getVar('RANLIB'))}
strip = ${@meson_list(d.getVar('STRIP'))}
objcopy = ${@meson_list(d.getVar('OBJCOPY'))}
readelf = ${@meson_list(d.getVar('READELF'))}
pkgconfig = 'pkg-config'

[built-in options]
c_args = ${@meson_list((d.getVar('CPPFLAGS') or '') + ' ' + (d.getVar('CFLAGS') or ''))}
cpp_args = ${@meson_list((d.getVar('CPPFLAGS') or '') + ' ' + (d.getVar('CXXFLAGS') or ''))}
c_link_args = ${@meson_list(d.getVar('LDFLAGS'))}
cpp_link_args = ${@meson_list(d.getVar('LDFLAGS'))}

[properties]
needs_exe_wrapper = true
sys_root = '${STAGING_DIR_HOST}'
pkg_config_libdir = ['${STAGING_DIR_HOST}/usr/lib/pkgconfig', '${STAGING_DIR_HOST}/usr/share/pkgconfig']

[host_machine]
system = 'linux'
cpu_family = '${HOST_ARCH}'
cpu = '${HOST_ARCH}'
endian = 'little'
EOF
    cat > ${WORKDIR}/meson.native << 'EOF'
[binaries]
c = ${@meson_list(d.getVar('BUILD_CC'))}
cpp = ${@meson_list(d.getVar('BUILD_CXX'))}
ar = ${@meson_list(d.getVar('BUILD_AR'))}
nm = ${@meson_list(d.getVar('BUILD_NM'))}
strip = ${@meson_list(d.getVar('BUILD_STRIP'))}
pkgconfig = 'pkg-config'

[built-in options]
c_args = ${@meson_list(d.getVar('BUILD_CPPFLAGS') + ' ' + d.getVar('BUILD_CFLAGS'))}
cpp_args = ${@meson_list(d.getVar('BUILD_CPPFLAGS') + ' ' + d.getVar('BUILD_CXXFLAGS'))}
c_link_args = ${@meson_list(d.getVar('BUILD_LDFLAGS'))}
cpp_link_args = ${@meson_list(d.getVar('BUILD_LDFLAGS'))}
EOF
}

# Everything about compilers is in the two files; the environment would be taken for either of them.
meson_clean_environment() {
    unset CC CXX CPP LD AR AS NM RANLIB STRIP OBJCOPY OBJDUMP READELF STRINGS CPPFLAGS CFLAGS CXXFLAGS LDFLAGS CC_FOR_BUILD CXX_FOR_BUILD
    unset PKG_CONFIG PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
    export PKG_CONFIG_LIBDIR="${PKG_CONFIG_FOR_BUILD_LIBDIR}"
}

meson_do_configure() {
    meson_write_files
    meson_clean_environment
    bbnote meson setup ${MESONOPTS} ${MESON_FILES} ${EXTRA_OEMESON} ${MESON_SOURCEPATH} ${B}
    if ! meson setup ${MESONOPTS} ${MESON_FILES} ${EXTRA_OEMESON} ${MESON_SOURCEPATH} ${B}; then
        [ ! -e ${B}/meson-logs/meson-log.txt ] || tail -n 60 ${B}/meson-logs/meson-log.txt
        bbfatal "meson failed"
    fi
}

meson_do_compile() {
    meson_clean_environment
    hb_ninja ${MESON_TARGET}
}

meson_do_install() {
    meson_clean_environment
    DESTDIR=${D} meson install --no-rebuild || die "meson install failed"
}

EXPORT_FUNCTIONS do_configure do_compile do_install
