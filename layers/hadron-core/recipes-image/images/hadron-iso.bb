require hadron-image.inc

SUMMARY = "Hadron Linux to try and to install: a medium that boots a live system"

ISO_INSTALLS ?= "hadron-image"

inherit iso-image
require hadron-iso.inc
