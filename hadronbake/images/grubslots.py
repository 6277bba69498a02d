"""The tasks of grub-ab-image: a disk (GPT) that boots by BIOS and by UEFI with GRUB, with two slots whose attempts GRUB counts in
its environment block, and a partition for what changes. The system's side of it: hadron-state's loader-grub.

Format: GRUB 2.12, "The GRUB environment block".
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import disk, grub, grubdisk, ownership, release, verity
from hadronbake.images.disk import Partition
from hadronbake.images.filesystem import MEBIBYTE
from hadronbake.steps.data import Data

SLOTS = ("a", "b")
BLOCK_SIZE = 1024
# GRUB's language has no arithmetic: it counts by comparing, from here down.
MOST_TRIES = 9


def root(d: Data) -> None:
    """do_root: ``root.erofs`` and ``vmlinuz``, which a slot holds, below ROOTDIR.

    Reads IMAGE_ROOTFS, IMAGE_MANIFEST, IMAGE_LABEL (of the volume), IMAGE_EROFS_OPTIONS, KERNEL_IMAGETYPE, SOURCE_DATE_EPOCH.
    """
    tree, target = Path(d.getVar("IMAGE_ROOTFS") or ""), Path(d.getVar("ROOTDIR") or "")
    owners = ownership.read(tree, Path(d.getVar("IMAGE_MANIFEST") or ""))
    epoch, options = int(d.getVar("SOURCE_DATE_EPOCH") or 0), d.getVar("IMAGE_EROFS_OPTIONS") or ""
    verity.write_erofs(tree, target / "root.erofs", owners, epoch, d.getVar("IMAGE_LABEL") or "hadron", options)
    shutil.copyfile(grubdisk.find_input(f"*/do_deploy/**/{d.getVar('KERNEL_IMAGETYPE')}"), target / "vmlinuz")


def run(d: Data) -> None:
    """do_disk: ``<IMAGE_LINK_NAME>.img``, and ``.release/`` and ``.oci/`` (what upgrades take), below IMGDEPLOYDIR.

    Reads SIGNEDDIR, ROOTDIR, WORKDIR, IMAGE_VERSION, IMAGE_TITLE, IMAGE_TRIES (1 to 9), GRUB_CMDLINE, GRUB_TIMEOUT (seconds);
    in MiB IMAGE_ESP_SIZE, IMAGE_SLOT_SIZE, IMAGE_STATE_SIZE.
    """
    link, version = d.getVar("IMAGE_LINK_NAME") or "", d.getVar("IMAGE_VERSION") or ""
    made, signed = Path(d.getVar("ROOTDIR") or ""), Path(d.getVar("SIGNEDDIR") or "")
    target, scratch = Path(d.getVar("IMGDEPLOYDIR") or ""), Path(d.getVar("WORKDIR") or "") / "disk"
    epoch, title = int(d.getVar("SOURCE_DATE_EPOCH") or 0), d.getVar("IMAGE_TITLE") or "Hadron Linux"
    esp_size, slot_size, state_size = (
        int(text or 0) * MEBIBYTE
        for text in (d.getVar("IMAGE_ESP_SIZE"), d.getVar("IMAGE_SLOT_SIZE"), d.getVar("IMAGE_STATE_SIZE"))
    )
    block = environment_block(new_environment(version, d.getVar("IMAGE_TRIES") or ""))
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    loader = grubdisk.make_loader(scratch)
    tree, esp, state = scratch / "tree", scratch / "esp", scratch / "state"
    for name in ("EFI/BOOT", "grub", *SLOTS):
        (tree / name).mkdir(parents=True)
    shutil.copyfile(loader.program, tree / "EFI/BOOT/BOOTX64.EFI")
    shutil.copyfile(made / "vmlinuz", tree / "a/vmlinuz")
    (tree / "grub/grub.cfg").write_text(menu(title, d.getVar("GRUB_CMDLINE") or "", int(d.getVar("GRUB_TIMEOUT") or 0)))
    (tree / "grub/grubenv").write_bytes(block)
    disk.write_fat(tree, esp, esp_size, epoch)
    disk.write_empty_ext4(state, state_size, epoch)
    target.mkdir(parents=True, exist_ok=True)
    partitions = [
        Partition("bios", grubdisk.BIOS_BOOT, MEBIBYTE, loader.core),
        Partition("esp", disk.ESP, esp_size, esp),
        Partition("root-a", disk.ROOT, slot_size, made / "root.erofs"),
        Partition("root-b", disk.ROOT, slot_size),
        Partition("state", disk.VAR, state_size, state),
    ]
    disk.write(target / f"{link}.img", partitions)
    grubdisk.write_boot_sector(target / f"{link}.img")
    files = {f"hadron_{version}.erofs": made / "root.erofs", f"hadron_{version}.vmlinuz": made / "vmlinuz"}
    files |= {name: signed / name for name in ("SHA256SUMS", "SHA256SUMS.sig")}
    release.write(files, target, link, version, epoch)


def new_environment(version: str, tries: str) -> dict[str, str]:
    """Of a new disk: the version is in slot a, and on trial. Raises HadronbakeError for what can't be counted or named."""
    if not re.fullmatch(r"[A-Za-z0-9.~-]{1,64}", version):
        raise HadronbakeError(
            Diagnostic(
                "HBI148", f"IMAGE_VERSION: '{version}' is no version", hint="1 to 64 letters, digits, '.', '~', '-'"
            )
        )
    if tries not in map(str, range(1, MOST_TRIES + 1)):
        raise HadronbakeError(Diagnostic("HBI149", f"IMAGE_TRIES: '{tries}' is not a number from 1 to {MOST_TRIES}"))
    return {"first": "a", "tries": tries, "a_version": version, "a_left": tries, "b_version": "", "b_left": "0"}


def environment_block(values: dict[str, str]) -> bytes:
    """GRUB's block of variables. All that is said fits the first sector, so that a power cut can't leave half of it."""
    text = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in values.items())
    assert len(text) <= grub.SECTOR
    return text.encode().ljust(BLOCK_SIZE, b"#")


def menu(title: str, command_line: str, timeout: int) -> str:
    """``grub.cfg``: an entry for each slot. Booting one counts down its attempts; one without any isn't booted while the other has some."""
    lines = ["load_env", *grub.console(timeout), "set fallback=1"]
    for number, (slot, other) in enumerate(zip(SLOTS, reversed(SLOTS), strict=True)):
        lines += [
            f'{"if" if number == 0 else "elif"} [ "$first" = {slot} ]; then',
            f"  set default={number}",
            f"  set fallback={1 - number}",
            f'  if [ "${slot}_left" = 0 -a -n "${other}_version" -a "${other}_left" != 0 ]; then',
            f"    set default={1 - number}",
            f"    set fallback={number}",
            "  fi",
        ]
    lines.append("fi")
    for slot in SLOTS:
        lines += ["", f'menuentry "{title} ${slot}_version ({slot})" {{', "  set counted="]
        for left in range(MOST_TRIES, 0, -1):
            word = "if" if left == MOST_TRIES else "elif"
            lines += [f'  {word} [ "${slot}_left" = {left} ]; then', f"    set {slot}_left={left - 1}"]
        lines += [
            "  fi",
            f'  if [ -n "${slot}_left" -a "${slot}_left" != good ]; then',
            f"    save_env {slot}_left",
            f'    set counted="hadron.left=${slot}_left"',
            "  fi",
            f"  linux /{slot}/vmlinuz root=PARTLABEL=root-{slot} hadron.slot={slot} $counted {command_line}".rstrip(),
            "}",
        ]
    return "\n".join(lines) + "\n"
