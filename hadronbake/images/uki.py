"""do_uki: kernel, command line and stub in one EFI program (UAPI group's "Unified Kernel Image"), not signed yet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hadronbake.images import measure, verity
from hadronbake.images.filesystem import run as call
from hadronbake.steps.data import Data

INPUTS = Path("/hb/inputs")
# The device is made by the kernel itself, once the partitions are there. If it couldn't be, the attempt must end.
ROOT_SECONDS = 30


def run(d: Data) -> None:
    """The program of a root under dm-verity, with room for what do_sign puts in: a key that isn't known here, and what it has signed.

    Reads VERITYDIR, UKI_CMDLINE, and what :func:`build` reads.
    """
    sealed, target = verity.read(Path(d.getVar("VERITYDIR") or "")), Path(d.getVar("UKIDIR") or "")
    rooms = {measure.KEY_SECTION: measure.KEY_ROOM, measure.SIGNATURE_SECTION: measure.SIGNATURE_ROOM}
    for name, size in rooms.items():
        (target.parent / f"uki{name}").write_bytes(b"\n" * size)
    sections = [f"--section={name}:@{target.parent / f'uki{name}'}" for name in rooms]
    build(d, command_line(sealed, d.getVar("IMAGE_VERSION") or "", d.getVar("UKI_CMDLINE") or ""), sections)


def build(d: Data, cmdline: str, parts: Sequence[str]) -> None:
    """Writes ``hadron.efi`` and ``systemd-boot.efi`` below UKIDIR; ``parts``: more arguments for ukify.

    Reads IMAGE_ROOTFS (os-release, stub and boot loader are its own), IMAGE_VERSION, KERNEL_IMAGETYPE.
    """
    root, target = Path(d.getVar("IMAGE_ROOTFS") or ""), Path(d.getVar("UKIDIR") or "")
    kernel = next(iter(sorted(INPUTS.glob(f"*/do_deploy/**/{d.getVar('KERNEL_IMAGETYPE')}"))))
    release = target.parent / "os-release"
    release.write_text(os_release((root / "usr/lib/os-release").read_text(), d.getVar("IMAGE_VERSION") or ""))
    programs = root / "usr/lib/systemd/boot/efi"
    call(
        [
            "ukify",
            "build",
            f"--linux={kernel}",
            f"--cmdline={cmdline}",
            f"--os-release=@{release}",
            *parts,
            f"--stub={programs / 'linuxx64.efi.stub'}",
            f"--output={target / 'hadron.efi'}",
        ],
        os.environ,
    )
    (target / "systemd-boot.efi").write_bytes((programs / "systemd-bootx64.efi").read_bytes())


def os_release(text: str, version: str) -> str:
    """os-release(5) with IMAGE_VERSION, by which the boot loader sorts and names the slots."""
    lines = [line for line in text.splitlines() if not line.startswith("IMAGE_VERSION=")]
    return "\n".join([*lines, f"IMAGE_VERSION={version}"]) + "\n"


def slot(version: str) -> str:
    """The name of the partition of a version; that of its hashes has ``_verity`` after it."""
    return f"hadron_{version}"


def command_line(sealed: verity.Verity, version: str, more: str) -> str:
    """The whole chain of trust: the signed program names the root hash, and the root's partition by its version.

    Without an initrd the kernel itself opens the device. ``panic=1``: an attempt that fails must end, to be counted.
    """
    name = f"PARTLABEL={slot(version)}"
    table = verity.table(sealed, name, f"{name}_verity")
    words = [f'dm-mod.create="root,,,ro,{table}"', f"dm-mod.waitfor={name},{name}_verity"]
    words += ["root=/dev/dm-0", "rootfstype=erofs", "ro", f"rootwait={ROOT_SECONDS}", "panic=1"]
    return " ".join([*words, more]).strip()
