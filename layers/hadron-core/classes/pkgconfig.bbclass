# The build host's pkg-config, which sees only what DEPENDS names.
export PKG_CONFIG = "pkg-config"
export PKG_CONFIG_DIR = "${STAGING_DIR_HOST}/usr/lib/pkgconfig"
export PKG_CONFIG_PATH = ""
export PKG_CONFIG_LIBDIR = "${PKG_CONFIG_DIR}:${STAGING_DIR_HOST}/usr/share/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR = "${STAGING_DIR_HOST}"
# Native files hold /hb/native already.
PKG_CONFIG_SYSROOT_DIR:class-native = ""
PKG_CONFIG_SYSROOT_DIR:class-cross = ""
PKG_CONFIG_FOR_BUILD_LIBDIR = "${STAGING_DIR_NATIVE}/usr/lib/pkgconfig:${STAGING_DIR_NATIVE}/usr/share/pkgconfig"
