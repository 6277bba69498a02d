require hadron-image.inc

SUMMARY = "Hadron Linux, trusted boot, to try and to install: a signed medium that enrols its keys"

ISO_INSTALLS ?= "hadron-image-trusted"

inherit trusted-iso
require hadron-iso.inc

IMAGE_INSTALL += "systemd-boot"
