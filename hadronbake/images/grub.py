"""GRUB on a disk or medium, for BIOS and UEFI, without grub-install: images by grub-mkimage, and the boot sectors by hand.

Formats: GRUB 2.12, ``grub-core/boot/i386/pc/boot.S`` and ``diskboot.S`` (where the sectors keep what follows them).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadronbake.images.filesystem import run as call

SECTOR = 512
MODULES = Path("/hb/native/usr/lib/grub")
# What the menus here use, and what helps at its command line. They are part of the image: none is loaded from the disk.
COMMON = (
    *(
        "part_gpt",
        "part_msdos",
        "fat",
        "ext2",
        "iso9660",
        "search",
        "search_fs_uuid",
        "search_label",
        "normal",
        "configfile",
    ),
    *(
        "linux",
        "echo",
        "test",
        "loadenv",
        "serial",
        "terminal",
        "reboot",
        "halt",
        "sleep",
        "ls",
        "cat",
        "true",
        "minicmd",
    ),
)
PLATFORM_MODULES = {"i386-pc": ("biosdisk",), "x86_64-efi": ("efi_gop", "efi_uga", "all_video", "chain", "efifwsetup")}
# Places in boot.img and in the first sector of the core image.
_BOOT_CODE = 440
_CORE_PLACE = 0x5C
_DRIVE_CHECK = 0x66
_BLOCK_LIST = 0x1F4
_NOPS = b"\x90\x90"


@dataclass(frozen=True, slots=True)
class Entry:
    """A system in the menu. Paths are those on the boot filesystem."""

    title: str
    kernel: str
    initramfs: str
    command_line: str


def make_image(
    platform: str, target: Path, early: str, scratch: Path, more: Sequence[str] = (), form: str = ""
) -> None:
    """``target`` by grub-mkimage: i386-pc's core image or x86_64-efi's program. ``early`` are the first commands it runs;
    ``form``: the output format, where it isn't the platform."""
    script = scratch / f"{target.name}.cfg"
    script.write_text(early)
    modules = [*COMMON, *PLATFORM_MODULES[platform], *more]
    command = ["grub-mkimage", "-O", form or platform, "-d", str(MODULES / platform), "-p", "/grub", "-c", str(script)]
    call([*command, "-o", str(target), *modules], os.environ)


def early_config(search: str) -> str:
    """Find the boot filesystem by ``search`` ("--fs-uuid …"), wherever it has gone, and read its menu."""
    return f"search --no-floppy --set=root {search}\nset prefix=($root)/grub\nconfigfile ($root)/grub/grub.cfg\n"


def console(timeout: int) -> list[str]:
    """The lines that put the menu on the screen and on the first serial port, for ``timeout`` seconds."""
    lines = ["if serial --unit=0 --speed=115200; then", "  terminal_input console serial"]
    return [*lines, "  terminal_output console serial", "fi", "set default=0", f"set timeout={timeout}"]


def config(entries: Sequence[Entry], timeout: int) -> str:
    """``grub.cfg``: a menu on the screen and, where there is one, on the first serial port."""
    lines = console(timeout)
    for entry in entries:
        lines += ["", f'menuentry "{entry.title}" {{', f"  linux {entry.kernel} {entry.command_line}"]
        lines += [f"  initrd {entry.initramfs}", "}"]
    return "\n".join(lines) + "\n"


def boot_sector(boot: bytes, core_place: int) -> bytes:
    """The code of the disk's first sector. ``boot``: boot.img; ``core_place``: the sector where the core image begins."""
    code = bytearray(boot[:_BOOT_CODE])
    struct.pack_into("<Q", code, _CORE_PLACE, core_place)
    # Some firmware doesn't say which disk it boots from: GRUB asks it anew.
    code[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _NOPS
    return bytes(code)


def placed_core(core: bytes, place: int) -> bytes:
    """A core image that knows it begins at the sector ``place``: the list of blocks at the end of its first sector."""
    padded = bytearray(core + bytes(-len(core) % SECTOR))
    _, _, segment = struct.unpack_from("<QHH", padded, _BLOCK_LIST)
    struct.pack_into("<QHH", padded, _BLOCK_LIST, place + 1, len(padded) // SECTOR - 1, segment)
    return bytes(padded)
