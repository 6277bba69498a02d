require hadron-image.inc

SUMMARY = "Hadron Linux, trusted boot: signed, read-only, in two slots"

inherit trusted-image

IMAGE_INSTALL += "systemd-boot systemd-cryptsetup hadron-state hadron-update"
