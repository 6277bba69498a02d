SUMMARY = "Kernel modules: library and tools"
HOMEPAGE = "https://git.kernel.org/pub/scm/utils/kernel/kmod/kmod.git"
LICENSE = "LGPL-2.1-or-later AND GPL-2.0-or-later"
DEPENDS = "xz zlib zstd"
# For depmod at image build time, which reads the modules of our kernel only.
DEPENDS:class-native = "zstd"

SRC_URI = "https://www.kernel.org/pub/linux/utils/kernel/kmod/kmod-${PV}.tar.xz"
SRC_URI[sha256sum] = "5a5d5073070cc7e0c7a7a3c6ec2a0e1780850c8b47b3e3892226b93ffcb9cb54"

inherit meson

# openssl would show by whom a module was signed, and check nothing.
EXTRA_OEMESON = "-Dzstd=enabled -Dxz=enabled -Dzlib=enabled -Dopenssl=disabled -Dmanpages=false -Dmoduledir=/lib/modules \
    -Dbashcompletiondir=no -Dfishcompletiondir=no -Dzshcompletiondir=no"
EXTRA_OEMESON:append:class-native = " -Dxz=disabled -Dzlib=disabled"

PACKAGES =+ "libkmod"
FILES:libkmod = "${libdir}/libkmod.so.*"

BBCLASSEXTEND = "native"
