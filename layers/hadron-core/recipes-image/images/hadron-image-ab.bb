require hadron-image.inc

SUMMARY = "Hadron Linux, upgraded as a whole: read-only, in two slots between which GRUB chooses"

inherit grub-ab-image

IMAGE_INSTALL += "hadron-state hadron-update hadron-keys"
