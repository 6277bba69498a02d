"""do_disk: a whole disk (GPT, UEFI specification 2.10 §5) with the signed boot files, two slots for the root, and the state.

No root, no loop devices: each filesystem is made in a file of its own, and copied to its place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import release
from hadronbake.images.filesystem import MEBIBYTE, NAMESPACE
from hadronbake.images.filesystem import run as call
from hadronbake.images.measure import pcr11
from hadronbake.images.uki import slot
from hadronbake.steps.data import Data

SECTOR = 512
# The Discoverable Partitions Specification's types.
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
ROOT = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
ROOT_VERITY = "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5"
VAR = "4d21b016-b534-45c2-a9fb-5c16e091fd2d"
READ_ONLY = "GUID:60"


@dataclass(frozen=True, slots=True)
class Partition:
    """``size`` in bytes, a multiple of a mebibyte; ``content``: a file of at most that size, or None for an empty one."""

    name: str
    type: str
    size: int
    content: Path | None = None
    attributes: str = ""


def run(d: Data) -> None:
    """``<IMAGE_LINK_NAME>.img``, ``.release/`` and ``.oci/`` (what upgrades take), and ``.pcr11`` (what it measures) below IMGDEPLOYDIR.

    Reads SIGNEDDIR, VERITYDIR, WORKDIR, IMAGE_VERSION, IMAGE_TRIES, UEFI_ENROLL; in MiB IMAGE_ESP_SIZE, IMAGE_SLOT_SIZE, IMAGE_STATE_SIZE.
    """
    target = Path(d.getVar("IMGDEPLOYDIR") or "")
    signed, verity = Path(d.getVar("SIGNEDDIR") or ""), Path(d.getVar("VERITYDIR") or "")
    scratch = Path(d.getVar("WORKDIR") or "") / "disk"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    version, epoch = d.getVar("IMAGE_VERSION") or "", int(d.getVar("SOURCE_DATE_EPOCH") or 0)
    esp, state = scratch / "esp", scratch / "state"
    # By their full names, which the tracking of dependencies can see.
    texts = {
        "ESP": d.getVar("IMAGE_ESP_SIZE"),
        "SLOT": d.getVar("IMAGE_SLOT_SIZE"),
        "STATE": d.getVar("IMAGE_STATE_SIZE"),
    }
    sizes = {name: int(text or 0) * MEBIBYTE for name, text in texts.items()}
    name = f"{slot(version)}+{int(d.getVar('IMAGE_TRIES') or 3)}"
    tree = boot_tree(scratch / "tree", signed, name, d.getVar("UEFI_ENROLL") or "off")
    write_fat(tree, esp, sizes["ESP"], epoch)
    write_empty_ext4(state, sizes["STATE"], epoch)
    hashes = max(MEBIBYTE, sizes["SLOT"] // 64)
    name = slot(version)
    partitions = [
        Partition("esp", ESP, sizes["ESP"], esp),
        Partition(name, ROOT, sizes["SLOT"], verity / "root.erofs", READ_ONLY),
        Partition(f"{name}_verity", ROOT_VERITY, hashes, verity / "root.verity", READ_ONLY),
        Partition("_empty", ROOT, sizes["SLOT"]),
        Partition("_empty_verity", ROOT_VERITY, hashes),
        Partition("state", VAR, sizes["STATE"], state),
    ]
    target.mkdir(parents=True, exist_ok=True)
    link = d.getVar("IMAGE_LINK_NAME") or ""
    write(target / f"{link}.img", partitions)
    files = {file: signed / file for file in ("SHA256SUMS", "SHA256SUMS.sig")}
    files |= {f"{name}.efi": signed / "hadron.efi"}
    files |= {f"{name}.{suffix}": verity / f"root.{suffix}" for suffix in ("erofs", "verity")}
    release.write(files, target, link, version, epoch)
    (target / f"{link}.pcr11").write_text(pcr11(signed / "hadron.efi") + "\n")


def boot_tree(tree: Path, signed: Path, name: str, enroll: str) -> Path:
    """What is on the EFI system partition; a machine in setup mode gets its keys from there. ``name``: of the program; with
    the attempts that are left where they are counted (systemd's boot counting). ``enroll``: secure-boot-enroll of loader.conf(5)."""
    for directory in ("EFI/BOOT", "EFI/systemd", "EFI/Linux", "loader"):
        (tree / directory).mkdir(parents=True)
    for place in ("EFI/BOOT/BOOTX64.EFI", "EFI/systemd/systemd-bootx64.efi"):
        shutil.copyfile(signed / "systemd-boot.efi", tree / place)
    shutil.copyfile(signed / "hadron.efi", tree / f"EFI/Linux/{name}.efi")
    enrol = signed / "keys"
    lines = ["timeout 0", "editor no"]
    if enrol.is_dir():
        shutil.copytree(enrol, tree / "loader/keys/auto")
        lines.append(f"secure-boot-enroll {enroll}")
    (tree / "loader/loader.conf").write_text("\n".join(lines) + "\n")
    (tree / "loader/entries.srel").write_text("type1\n")
    return tree


def write_fat(tree: Path, target: Path, size: int, epoch: int, bits: int = 32) -> None:
    """A FAT filesystem with the tree's content; all times are ``epoch``, the volume's number is no chance."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    with target.open("wb") as stream:
        stream.truncate(size)
    call(["mkfs.vfat", "--invariant", "-F", str(bits), "-n", "ESP", "-i", "48414452", str(target)], environment)
    for path in sorted(tree.rglob("*")):
        os.utime(path, (epoch, epoch))
        place = f"::/{path.relative_to(tree)}"
        if path.is_dir():
            call(["mmd", "-i", str(target), place], environment)
        else:
            call(["mcopy", "-m", "-i", str(target), str(path), place], environment)


def write_empty_ext4(target: Path, size: int, epoch: int) -> None:
    with target.open("wb") as stream:
        stream.truncate(size)
    identity = uuid.uuid5(NAMESPACE, "state")
    environment = {**os.environ, "E2FSPROGS_FAKE_TIME": str(epoch), "TZ": "UTC"}
    extended = f"hash_seed={identity},root_owner=0:0,lazy_itable_init=0"
    call(
        ["mkfs.ext4", "-q", "-F", "-L", "state", "-U", str(identity), "-E", extended, "-m", "0", str(target)],
        environment,
    )


def layout(partitions: Sequence[Partition]) -> list[int]:
    """Where each partition begins, in bytes: one after the other from the first mebibyte on."""
    places, here = [], MEBIBYTE
    for partition in partitions:
        places.append(here)
        here += partition.size
    return places


def identity(number: int, name: str) -> uuid.UUID:
    """The unique GUID of the partition: ``number`` counts from 0."""
    return uuid.uuid5(NAMESPACE, f"{number} {name}")


def script(partitions: Sequence[Partition]) -> str:
    """The table in sfdisk's language, with numbers that follow from the names."""
    lines = ["label: gpt", f"label-id: {uuid.uuid5(NAMESPACE, 'disk')}", "unit: sectors", ""]
    for number, (partition, place) in enumerate(zip(partitions, layout(partitions), strict=True)):
        fields = [f"start={place // SECTOR}", f"size={partition.size // SECTOR}", f"type={partition.type}"]
        fields += [f"uuid={identity(number, partition.name)}", f'name="{partition.name}"']
        lines.append(", ".join([*fields, *([f'attrs="{partition.attributes}"'] if partition.attributes else [])]))
    return "\n".join(lines) + "\n"


def write(target: Path, partitions: Sequence[Partition]) -> None:
    """Write the disk, a sparse file. Raises HadronbakeError for a content that doesn't fit."""
    places = layout(partitions)
    with target.open("wb") as stream:
        stream.truncate(places[-1] + partitions[-1].size + MEBIBYTE)
    done = subprocess.run(
        ["sfdisk", "--quiet", str(target)], input=script(partitions), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise HadronbakeError(
            Diagnostic("HBI111", f"sfdisk failed with status {done.returncode}: {done.stderr.strip()[-2000:]}")
        )
    with target.open("r+b") as stream:
        for partition, place in zip(partitions, places, strict=True):
            if partition.content is not None:
                size = partition.content.stat().st_size
                if size > partition.size:
                    raise HadronbakeError(
                        Diagnostic(
                            "HBI130",
                            f"{partition.content.name} has {size >> 20} MiB, its partition {partition.name} {partition.size >> 20}",
                            hint="a larger IMAGE_SLOT_SIZE, IMAGE_ESP_SIZE or IMAGE_STATE_SIZE (MiB)",
                        )
                    )
                stream.seek(place)
                with partition.content.open("rb") as content:
                    while block := content.read(MEBIBYTE):
                        if block.count(0) == len(block):
                            stream.seek(len(block), os.SEEK_CUR)
                        else:
                            stream.write(block)
