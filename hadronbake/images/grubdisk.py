"""do_disk of grub-image: a whole disk (GPT) that boots by BIOS and by UEFI, with one root."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import disk, grub
from hadronbake.images.disk import Partition
from hadronbake.images.filesystem import MEBIBYTE
from hadronbake.steps.data import Data

BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
BOOT_UUID = "4841-4452"
INPUTS = Path("/hb/inputs")
_FIRST = MEBIBYTE // grub.SECTOR


@dataclass(frozen=True, slots=True)
class Loader:
    """``core``: what the first partition holds, for BIOS; ``program``: for UEFI."""

    core: Path
    program: Path


def run(d: Data) -> None:
    """``<IMAGE_LINK_NAME>.img`` below DISKDIR.

    Reads IMGDEPLOYDIR (the root, an ext4 file), INITRAMFS_IMAGE (a recipe), KERNEL_IMAGETYPE, WORKDIR, GRUB_CMDLINE,
    GRUB_TIMEOUT (seconds), IMAGE_TITLE, IMAGE_ESP_SIZE (MiB), SOURCE_DATE_EPOCH.
    """
    link, epoch = d.getVar("IMAGE_LINK_NAME") or "", int(d.getVar("SOURCE_DATE_EPOCH") or 0)
    root = Path(d.getVar("IMGDEPLOYDIR") or "") / f"{link}.ext4"
    target = Path(d.getVar("DISKDIR") or "")
    scratch = Path(d.getVar("WORKDIR") or "") / "disk"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    loader, esp = make_loader(scratch), scratch / "esp"
    esp_size = int(d.getVar("IMAGE_ESP_SIZE") or 64) * MEBIBYTE
    partitions = [
        Partition("bios", BIOS_BOOT, MEBIBYTE, loader.core),
        Partition("esp", disk.ESP, esp_size, esp),
        Partition("root", disk.ROOT, -(-root.stat().st_size // MEBIBYTE) * MEBIBYTE, root),
    ]
    line = f"root=PARTUUID={disk.identity(2, 'root')} {d.getVar('GRUB_CMDLINE') or ''}".strip()
    entry = grub.Entry(d.getVar("IMAGE_TITLE") or "Hadron Linux", "/vmlinuz", "/initramfs", line)
    tree = boot_tree(
        scratch / "tree",
        loader.program,
        find_input(f"*/do_deploy/**/{d.getVar('KERNEL_IMAGETYPE')}"),
        find_input(f"{d.getVar('INITRAMFS_IMAGE')}/do_initramfs/**/*.cpio.zst"),
        grub.config([entry], int(d.getVar("GRUB_TIMEOUT") or 0)),
    )
    disk.write_fat(tree, esp, esp_size, epoch)
    target.mkdir(parents=True, exist_ok=True)
    image = target / f"{link}.img"
    disk.write(image, partitions)
    write_boot_sector(image)


def make_loader(scratch: Path) -> Loader:
    """GRUB for both kinds of firmware, in the directory ``scratch``."""
    early = grub.early_config(f"--fs-uuid {BOOT_UUID}")
    core, placed, program = scratch / "core.img", scratch / "placed.img", scratch / "grub.efi"
    grub.make_image("i386-pc", core, early, scratch)
    grub.make_image("x86_64-efi", program, early, scratch)
    placed.write_bytes(grub.placed_core(core.read_bytes(), _FIRST))
    return Loader(placed, program)


def write_boot_sector(image: Path) -> None:
    """For BIOS: the disk's first sector, which reads the core image from the first partition."""
    with image.open("r+b") as stream:
        stream.write(grub.boot_sector((grub.MODULES / "i386-pc/boot.img").read_bytes(), _FIRST))


def find_input(pattern: str) -> Path:
    """The file that a task gave, which this one depends on. Raises HadronbakeError if there is none."""
    for path in sorted(INPUTS.glob(pattern)):
        return path
    raise HadronbakeError(Diagnostic("HBI146", f"none of the tasks that this one depends on gave {pattern}"))


def boot_tree(tree: Path, program: Path, kernel: Path, initramfs: Path, config: str) -> Path:
    """What is on the boot filesystem, which is the EFI system partition."""
    for name in ("EFI/BOOT", "grub"):
        (tree / name).mkdir(parents=True)
    shutil.copyfile(program, tree / "EFI/BOOT/BOOTX64.EFI")
    shutil.copyfile(kernel, tree / "vmlinuz")
    shutil.copyfile(initramfs, tree / "initramfs")
    (tree / "grub/grub.cfg").write_text(config)
    return tree
