require hadron-image.bb

SUMMARY = "Hadron Linux for development: root logs in without a password on the consoles"

ROOTFS_POSTPROCESS_COMMAND += "rootfs_open_root"
