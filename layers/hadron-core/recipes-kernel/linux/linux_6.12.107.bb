SUMMARY = "The Linux kernel"
require linux-6.12.inc

SRC_URI += " \
    file://base.cfg \
    file://x86.cfg \
    file://virtio.cfg \
    file://efi.cfg \
    file://storage.cfg \
    file://net.cfg \
    file://security.cfg \
    file://container.cfg \
    file://console.cfg \
"

inherit kernel
