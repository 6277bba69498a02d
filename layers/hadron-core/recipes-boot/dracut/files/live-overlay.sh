#!/bin/bash
# A live medium (root=live:…) whose root is a read-only file under an overlay: what dmsquash-live does, without the
# device-mapper that its older ways of writing need.

check() {
    return 255
}

depends() {
    echo rootfs-block img-lib overlayfs
}

install() {
    local live="$dracutbasedir/modules.d/90dmsquash-live"
    inst_multiple umount blkid dd losetup blockdev find rmdir grep
    inst_hook cmdline 30 "$live/parse-dmsquash-live.sh"
    inst_hook pre-udev 30 "$live/dmsquash-live-genrules.sh"
    inst_script "$live/dmsquash-live-root.sh" /sbin/dmsquash-live-root
    inst_script "$live/dmsquash-generator.sh" "$systemdutildir/system-generators/dracut-dmsquash-generator"
    dracut_need_initqueue
}
