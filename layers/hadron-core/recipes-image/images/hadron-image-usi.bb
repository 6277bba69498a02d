require hadron-image.inc

SUMMARY = "Hadron Linux as one signed program: the whole system is its initrd, and runs in memory"

inherit usi-image

IMAGE_INSTALL += "systemd-boot"
