# What the recipes of the compiler share: GNU packages that run on the build host, work for the target, and know its sysroot.
inherit cross autotools

# They are programs: no libraries of theirs are linked by anybody.
DISABLE_STATIC = ""

TOOLCHAIN_OECONF = " \
    --target=${TARGET_SYS} --with-sysroot=${STAGING_DIR_TARGET} --program-prefix=${TARGET_PREFIX} \
    --disable-nls --disable-multilib --disable-werror --enable-deterministic-archives --with-system-zlib \
"

# Without texinfo; their configure scripts take a MAKEINFO of the environment for an old one.
EXTRA_OEMAKE = "MAKEINFO=true"

# What describes the compiler's own libraries, which nobody links, and what is read by people only.
toolchain_trim() {
    rm -rf ${D}${prefix}/share ${D}${prefix}/include ${D}${prefix}/lib/bfd-plugins
    find ${D}${prefix} -name '*.la' -delete
    find ${D}${bindir} ${D}${prefix}/libexec -type f -perm /111 2> /dev/null | while read -r file; do
        strip --strip-unneeded "$file" 2> /dev/null || true
    done
}
