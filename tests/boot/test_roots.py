"""The initramfs finds a root on a partition, in LUKS (passphrase, key file), on a logical volume, in both, and in EROFS.

(make test-boot SCENARIOS=roots) Disks are made by a guest: the live medium, which has the programs for that, is booted with an empty one.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from guest import Guest, deployed
from trusted import CREDENTIALS, place

from hadronbake.images import qemu

pytestmark = [pytest.mark.qemu, pytest.mark.xdist_group("roots")]

BOOT_SECONDS = int(os.environ.get("HB_BOOT_SECONDS", "600"))
MEBIBYTE = 1 << 20
PASSPHRASE = "correct horse"
# On ttyS0 the log and what is asked, on ttyS1 the tests' shell; no login on either.
CONSOLES = "console=ttyS0 systemd.getty_auto=0 no_timer_check"
LIVE = "root=live:CDLABEL=HADRON rd.live.image rd.live.overlay.overlayfs=1"
# Cheap to open, for guests without KVM: what is tried isn't the strength of a passphrase.
CHEAP = "--pbkdf argon2id --pbkdf-memory 65536 --pbkdf-parallel 1 --pbkdf-force-iterations 4"


def image(name: str, suffix: str) -> Path:
    return deployed() / f"{name}-{deployed().name}.{suffix}"


def boot(disk: Path, append: str, name: str, cdrom: Path | None = None, snapshot: bool = True) -> Guest:
    machine = qemu.Machine(
        disk=disk,
        cdrom=cdrom,
        kernel=deployed() / "bzImage",
        initrd=image("hadron-initramfs", "cpio.zst"),
        append=f"{append} {CONSOLES}",
        credentials=CREDENTIALS,
        snapshot=snapshot,
    )
    return Guest(place("roots"), machine, name)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk with a root on each of its partitions; the first is the root of hadron-image as it is."""
    made = tmp_path_factory.mktemp("roots") / "disk.img"
    root = image("hadron-image", "ext4")
    size = root.stat().st_size // MEBIBYTE + 1
    sizes = {"plain": size, "luks": size + 32, "lvm": size + 32, "both": size + 64, "erofs": 256}
    with made.open("wb") as stream:
        stream.truncate((sum(sizes.values()) + 8) * MEBIBYTE)
    table = "label: gpt\n" + "".join(f"size={size}MiB, name={name}\n" for name, size in sizes.items())
    subprocess.run(["sfdisk", "-q", made], input=table, text=True, check=True)
    subprocess.run(
        ["dd", f"if={root}", f"of={made}", "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none"], check=True
    )

    guest = boot(made, LIVE, "maker", image("hadron-iso", "iso"), snapshot=False)
    try:
        guest.wait_shell(BOOT_SECONDS)
        by = "/dev/disk/by-partlabel"
        copy = "dd bs=4M conv=sparse,fsync status=none"
        steps = [
            "cd /run && umask 077 && head -c 64 /dev/urandom > key",
            f"printf %s '{PASSPHRASE}' > passphrase",
            f"mkdir plain && mount {by}/plain plain && cp key plain/root-key && umount plain",
            # Encrypted.
            f"cryptsetup luksFormat -q {CHEAP} --key-file passphrase {by}/luks",
            f"cryptsetup luksAddKey -q {CHEAP} --key-file passphrase {by}/luks key",
            f"cryptsetup open --key-file key {by}/luks opened",
            f"{copy} if={by}/plain of=/dev/mapper/opened",
            "cryptsetup close opened",
            # A volume.
            f"pvcreate -q {by}/lvm && vgcreate -q hadron {by}/lvm && lvcreate -q -y -l 100%FREE -n root hadron",
            f"{copy} if={by}/plain of=/dev/hadron/root",
            "vgchange -q -an hadron",
            # A volume on an encrypted disk.
            f"cryptsetup luksFormat -q {CHEAP} --key-file passphrase {by}/both",
            f"cryptsetup open --key-file passphrase {by}/both opened",
            "pvcreate -q /dev/mapper/opened && vgcreate -q sealed /dev/mapper/opened && lvcreate -q -y -l 100%FREE -n root sealed",
            f"{copy} if={by}/plain of=/dev/sealed/root",
            "vgchange -q -an sealed && cryptsetup close opened",
            f"{copy} if=$(findmnt -no SOURCE /run/rootfsbase) of={by}/erofs",
        ]
        for step in steps:
            said = guest.run(f"{step} && echo done", BOOT_SECONDS)
            assert said.split()[-1:] == ["done"], f"{step}: {said}"
        guest.power_off(BOOT_SECONDS)
        yield made
    finally:
        guest.end()
        made.unlink()


@pytest.fixture
def uuid(disk: Path) -> dict[str, str]:
    """Partition → the UUID of its LUKS header (LUKS2 On-Disk Format Specification § 2.1: 40 characters at byte 168)."""
    listed = subprocess.run(["sfdisk", "-d", disk], capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listed.splitlines():
        if "start=" in line:
            start = int(line.partition("start=")[2].split(",")[0]) * 512
            with disk.open("rb") as stream:
                stream.seek(start)
                header = stream.read(208)
            if header.startswith(b"LUKS\xba\xbe"):
                found[line.rpartition('name="')[2].rstrip('"')] = header[168:208].rstrip(b"\0").decode()
    return found


def up(guest: Guest, source: str, kind: str = "ext4", passphrase: str = "") -> None:
    """It gets to a login; its root is on ``source``; and it says that it is well."""
    try:
        if passphrase:
            guest.wait_console("(?i)passphrase for .*:", BOOT_SECONDS)
            guest.answer(passphrase)
        guest.wait_console("Reached target .*Login Prompts", BOOT_SECONDS)
        guest.wait_shell(BOOT_SECONDS)
        assert guest.run("findmnt -no SOURCE,FSTYPE /").split()[-2:] == [source, kind]
        state = guest.run("systemctl is-system-running --wait", BOOT_SECONDS)
        assert state.split()[-1] == "running", guest.run("systemctl --failed --no-pager")
        print(guest.times)
    finally:
        guest.end()


def test_on_a_partition(disk: Path) -> None:
    up(boot(disk, "root=PARTLABEL=plain rw", "partition"), "/dev/vda1")


def test_encrypted_with_a_passphrase(disk: Path, uuid: dict[str, str]) -> None:
    guest = boot(disk, f"root=/dev/mapper/opened rw rd.luks.name={uuid['luks']}=opened", "passphrase")
    up(guest, "/dev/mapper/opened", passphrase=PASSPHRASE)


def test_encrypted_with_a_key_file(disk: Path, uuid: dict[str, str]) -> None:
    """On another disk, which is mounted while the key is read."""
    words = f"rd.luks.uuid={uuid['luks']} rd.luks.key={uuid['luks']}=/root-key:PARTLABEL=plain"
    guest = boot(disk, f"root=/dev/mapper/luks-{uuid['luks']} rw {words}", "key-file")
    up(guest, f"/dev/mapper/luks-{uuid['luks']}")


def test_on_a_logical_volume(disk: Path) -> None:
    up(boot(disk, "root=/dev/hadron/root rw rd.lvm.lv=hadron/root", "volume"), "/dev/mapper/hadron-root")


def test_on_a_volume_of_an_encrypted_disk(disk: Path, uuid: dict[str, str]) -> None:
    words = f"root=/dev/sealed/root rw rd.luks.uuid={uuid['both']} rd.lvm.lv=sealed/root"
    up(boot(disk, words, "both"), "/dev/mapper/sealed-root", passphrase=PASSPHRASE)


def test_read_only(disk: Path) -> None:
    """EROFS, under an overlay that is in memory."""
    words = "root=PARTLABEL=erofs rootfstype=erofs ro systemd.volatile=overlay"
    up(boot(disk, words, "erofs"), "overlay", "overlay")
