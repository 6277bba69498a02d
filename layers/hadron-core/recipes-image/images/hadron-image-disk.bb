require hadron-image.bb

SUMMARY = "Hadron Linux as a whole disk, which boots by BIOS and by UEFI"

inherit grub-image
