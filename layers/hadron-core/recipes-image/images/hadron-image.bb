require hadron-image.inc

inherit grub-image
