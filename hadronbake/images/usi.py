"""The flavour whose whole root is the initrd of one signed program: it runs in memory, and needs no other file.

PCR 11 covers all of it; it carries no signed policies, so no TPM lets go for it what was sealed to a system on a disk.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from hadronbake.images import cpio, disk, ownership, uki
from hadronbake.images.filesystem import MEBIBYTE
from hadronbake.images.measure import pcr11
from hadronbake.steps.data import Data

INITRD = "root.cpio.zst"


def initrd(d: Data) -> None:
    """do_initrd: the root as ``root.cpio.zst`` below INITRDDIR. Reads IMAGE_ROOTFS, IMAGE_MANIFEST, SOURCE_DATE_EPOCH."""
    root, target = Path(d.getVar("IMAGE_ROOTFS") or ""), Path(d.getVar("INITRDDIR") or "")
    owners = ownership.read(root, Path(d.getVar("IMAGE_MANIFEST") or ""))
    cpio.write(root, target / INITRD, int(d.getVar("SOURCE_DATE_EPOCH") or 0), owners=owners)


def program(d: Data, *more: str) -> None:
    """do_uki; ``more`` words for the command line, before those of UKI_CMDLINE.

    Reads INITRDDIR, UKI_CMDLINE, and what :func:`uki.build` reads.
    """
    archive = Path(d.getVar("INITRDDIR") or "") / INITRD
    uki.build(d, " ".join([*more, d.getVar("UKI_CMDLINE") or ""]).strip(), [f"--initrd={archive}"])


def boot_partition(d: Data, target: Path, size: int = 0) -> None:
    """The EFI system partition into ``target``, of ``size`` bytes or as large as it must be.

    Reads SIGNEDDIR, WORKDIR, IMAGE_VERSION, UEFI_ENROLL, SOURCE_DATE_EPOCH.
    """
    tree = Path(d.getVar("WORKDIR") or "") / "esp"
    shutil.rmtree(tree, ignore_errors=True)
    signed, name = Path(d.getVar("SIGNEDDIR") or ""), uki.slot(d.getVar("IMAGE_VERSION") or "")
    disk.boot_tree(tree, signed, name, d.getVar("UEFI_ENROLL") or "off")
    # At least what FAT32 needs for its number of clusters; the tables take less than a mebibyte in a hundred.
    content = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    needed = max(48 * MEBIBYTE, -(-content * 102 // 100 // MEBIBYTE) * MEBIBYTE + MEBIBYTE)
    disk.write_fat(tree, target, size or needed, int(d.getVar("SOURCE_DATE_EPOCH") or 0))


def measured(d: Data, target: Path) -> None:
    """What the program measures, beside its image."""
    signed = Path(d.getVar("SIGNEDDIR") or "") / "hadron.efi"
    (target / f"{d.getVar('IMAGE_LINK_NAME')}.pcr11").write_text(pcr11(signed) + "\n")


def run(d: Data) -> None:
    """do_disk: ``<IMAGE_LINK_NAME>.img``, a disk with nothing but the EFI system partition, ``.efi``, the program alone (for what boots
    from a network), and ``.pcr11``, below IMGDEPLOYDIR. Reads IMAGE_ESP_SIZE (MiB), and what the others here read."""
    target, esp = Path(d.getVar("IMGDEPLOYDIR") or ""), Path(d.getVar("WORKDIR") or "") / "esp.img"
    size, link = int(d.getVar("IMAGE_ESP_SIZE") or 0) * MEBIBYTE, d.getVar("IMAGE_LINK_NAME")
    boot_partition(d, esp, size)
    target.mkdir(parents=True, exist_ok=True)
    disk.write(target / f"{link}.img", [disk.Partition("esp", disk.ESP, size, esp)])
    shutil.copyfile(Path(d.getVar("SIGNEDDIR") or "") / "hadron.efi", target / f"{link}.efi")
    measured(d, target)
