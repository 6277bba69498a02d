SUMMARY = "TPM 2.0 software stack: the libraries that speak with a TPM"
HOMEPAGE = "https://github.com/tpm2-software/tpm2-tss"
LICENSE = "BSD-2-Clause"
DEPENDS = "openssl"

# The tag's archive, which has no configure script.
SRC_URI = "https://github.com/tpm2-software/tpm2-tss/archive/refs/tags/${PV}.tar.gz;downloadfilename=tpm2-tss-${PV}.tar.gz"
SRC_URI[sha256sum] = "8a389bda64690910e7af7deaf64703a3faed416dc538c9c3e4f893f24893524d"

inherit autotools

# They run on the target alone.
CACHED_CONFIGUREVARS = "ac_cv_prog_systemd_sysusers=yes ac_cv_prog_systemd_tmpfiles=yes"

# What systemd uses: ESAPI, with MU and the return codes, over the kernel's device.
EXTRA_OECONF = " \
    --disable-fapi --disable-policy --disable-doxygen-doc --disable-unit --disable-integration --disable-weakcrypto \
    --disable-tcti-mssim --disable-tcti-swtpm --disable-tcti-pcap --disable-tcti-libtpms --disable-tcti-cmd --disable-tcti-spi-helper \
    --disable-tcti-spi-ltt2go --disable-tcti-spi-ftdi --disable-tcti-i2c-helper --disable-tcti-i2c-ftdi --with-udevrulesdir=${prefix}/lib/udev/rules.d \
    --with-runstatedir=/run --disable-log-file \
"

# What bootstrap has made is up to date; make shall not look for automake by its version's name.
EXTRA_OEMAKE = "ACLOCAL=: AUTOCONF=: AUTOHEADER=: AUTOMAKE=:"

# The script makes lists of sources and calls autoreconf; it would ask git for the version.
do_configure:prepend() {
    sed -i 's/^git describe.*/echo ${PV} > VERSION/' ${S}/bootstrap
    (cd ${S} && ./bootstrap)
}

do_install:append() {
    # Of the sysroot's place; for the parts that aren't built; of a user that isn't there (systemd opens the device as root).
    rm -f ${D}${libdir}/*.la
    sed -i 's| -L${STAGING_DIR_HOST}[^ ]*||' ${D}${libdir}/pkgconfig/*.pc
    rm -rf ${D}/run ${D}${localstatedir} ${D}${prefix}/lib/udev
}

# It wants the SPI helper, which isn't built.
FILES:${PN}-dev += "${libdir}/libtss2-tcti-spidev.so.*"
