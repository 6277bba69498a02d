# An image that is nothing but a signed program: the whole root is its initrd. It runs in memory, from any medium or network that
# the firmware knows, and forgets what was changed.
#
# do_rootfs -> do_initrd -> do_uki -> do_sign -> do_disk.

inherit uki-image

rootfs_memory() {
    # What the kernel starts in the file system that it has unpacked. A mount of it over itself is one that programs can later put
    # another in the place of (pivot_root(2)), which containers want.
    cat > ${IMAGE_ROOTFS}/init <<'END'
#!/bin/sh
mount -o bind / /run && cd /run && mount -o move . / && exec chroot . /usr/lib/systemd/systemd
END
    chmod 0755 ${IMAGE_ROOTFS}/init
    # A slow machine isn't a broken one.
    install -d ${IMAGE_ROOTFS}/usr/lib/systemd/system.conf.d
    printf '[Manager]\nDefaultDeviceTimeoutSec=4min\nDefaultTimeoutStartSec=3min\n' \
        > ${IMAGE_ROOTFS}/usr/lib/systemd/system.conf.d/10-memory.conf
}
ROOTFS_POSTPROCESS_COMMAND += "rootfs_memory"

INITRDDIR = "${WORKDIR}/initrd"

do_initrd[dirs] = "${INITRDDIR}"
do_initrd[cleandirs] = "${INITRDDIR}"
do_initrd[sstate-inputdirs] = "${INITRDDIR}"
python do_initrd() {
    hb.usi.initrd(d)
}
addtask initrd after do_rootfs

python do_uki() {
    hb.usi.program(d)
}
addtask uki after do_initrd

python do_disk() {
    hb.usi.run(d)
}
