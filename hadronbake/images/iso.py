"""do_iso: a live medium that boots by BIOS and by UEFI, as a CD and as a disk, with the disk image that its installer writes.

Formats: ECMA-119 with the El Torito boot catalogue, and a GPT over the same bytes, both by xorriso.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import zstandard

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import disk, grub, ownership, verity
from hadronbake.images.filesystem import MEBIBYTE
from hadronbake.images.filesystem import run as call
from hadronbake.images.grubdisk import find_input
from hadronbake.steps.data import Data

# Firmware finds a boot image on a CD only below 32 MiB; the loader needs little.
_EFI_SIZE = 4 * MEBIBYTE
# What the live system's dracut module looks for.
LIVE_ROOT = "LiveOS/squashfs.img"


def run(d: Data) -> None:
    """``<IMAGE_LINK_NAME>.iso`` below IMGDEPLOYDIR.

    Reads IMAGE_ROOTFS, IMAGE_MANIFEST, IMAGE_EROFS_OPTIONS, ISO_LABEL, ISO_CMDLINE, ISO_INSTALLS (the image whose disk is
    installed, or nothing), INITRAMFS_IMAGE, KERNEL_IMAGETYPE, IMAGE_TITLE, GRUB_TIMEOUT, WORKDIR, SOURCE_DATE_EPOCH.
    """
    root, target = Path(d.getVar("IMAGE_ROOTFS") or ""), Path(d.getVar("IMGDEPLOYDIR") or "")
    scratch, epoch = Path(d.getVar("WORKDIR") or "") / "iso", int(d.getVar("SOURCE_DATE_EPOCH") or 0)
    label, title = d.getVar("ISO_LABEL") or "HADRON", d.getVar("IMAGE_TITLE") or "Hadron Linux"
    shutil.rmtree(scratch, ignore_errors=True)
    tree = scratch / "tree"
    for name in ("LiveOS", "boot", "grub"):
        (tree / name).mkdir(parents=True)
    owners = ownership.read(root, Path(d.getVar("IMAGE_MANIFEST") or ""))
    verity.write_erofs(root, tree / LIVE_ROOT, owners, epoch, label, d.getVar("IMAGE_EROFS_OPTIONS") or "")
    shutil.copyfile(find_input(f"*/do_deploy/**/{d.getVar('KERNEL_IMAGETYPE')}"), tree / "boot/vmlinuz")
    shutil.copyfile(find_input(f"{d.getVar('INITRAMFS_IMAGE')}/do_initramfs/**/*.cpio.zst"), tree / "boot/initramfs")
    installs = d.getVar("ISO_INSTALLS")
    if installs:
        image = find_input(f"{installs}/do_disk/**/*.img")
        pack(image, tree / "boot/disk.img.zst")
        (tree / "boot/disk.size").write_text(f"{image.stat().st_size}\n")
    line = (
        f"root=live:CDLABEL={label} rd.live.image rd.live.overlay.overlayfs=1 {d.getVar('ISO_CMDLINE') or ''}".strip()
    )
    entry = grub.Entry(f"{title}, live", "/boot/vmlinuz", "/boot/initramfs", line)
    (tree / "grub/grub.cfg").write_text(grub.config([entry], int(d.getVar("GRUB_TIMEOUT") or 0)))
    early = grub.early_config(f"--label {label}")
    cd, efi = tree / "boot/cd.img", scratch / "efi.img"
    grub.make_image("i386-pc", cd, early, scratch, form="i386-pc-eltorito")
    programs = scratch / "efi"
    (programs / "EFI/BOOT").mkdir(parents=True)
    grub.make_image("x86_64-efi", programs / "EFI/BOOT/BOOTX64.EFI", early, scratch)
    disk.write_fat(programs, efi, _EFI_SIZE, epoch, bits=12)
    target.mkdir(parents=True, exist_ok=True)
    write(tree, efi, target / f"{d.getVar('IMAGE_LINK_NAME')}.iso", label, epoch)


def pack(source: Path, target: Path) -> None:
    """Compressed, with a checksum: whoever unpacks it sees a damaged medium."""
    with source.open("rb") as content, target.open("wb") as stream:
        zstandard.ZstdCompressor(level=9, threads=2, write_checksum=True).copy_stream(content, stream)


def write(tree: Path, efi: Path, target: Path, label: str, epoch: int) -> None:
    """The medium, for BIOS (GRUB's ``boot/cd.img`` in the tree) and for UEFI: ``efi`` is appended, below 32 MiB."""
    hybrid = grub.MODULES / "i386-pc/boot_hybrid.img"
    options = ["--grub2-mbr", str(hybrid), "-b", "boot/cd.img", "-no-emul-boot", "-boot-load-size", "4"]
    options += [
        "-boot-info-table",
        "--grub2-boot-info",
        "-eltorito-alt-boot",
        "-append_partition",
        "2",
        "0xef",
        str(efi),
    ]
    options += ["-e", "--interval:appended_partition_2:all::", "-no-emul-boot", "-appended_part_as_gpt"]
    run_xorriso(options, tree, target, label, epoch)


def run_xorriso(options: list[str], tree: Path, target: Path, label: str, epoch: int) -> None:
    """The medium by xorriso; all times in it are ``epoch``. Raises HadronbakeError where xorriso isn't there."""
    if shutil.which("xorriso") is None:
        raise HadronbakeError(
            Diagnostic("HBI147", "xorriso isn't installed", hint="scripts/setup build, which installs it")
        )
    for path in (tree, *tree.rglob("*")):
        os.utime(path, (epoch, epoch))
    command = ["xorriso", "-as", "mkisofs", "-o", str(target), "-V", label, "-r", "-J", *options, str(tree)]
    call(command, {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC"})
