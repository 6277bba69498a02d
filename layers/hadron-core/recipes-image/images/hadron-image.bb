SUMMARY = "Hadron Linux: a minimal system for cloud and edge"
LICENSE = "Apache-2.0"

IMAGE_INSTALL = " \
    base-files bash busybox coreutils util-linux shadow \
    systemd systemd-udev-hwdb dbus kmod kbd \
    openssh ca-certificates tzdata \
"

inherit image
