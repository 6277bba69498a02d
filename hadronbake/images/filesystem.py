"""A root filesystem as an ext4 file, without root and without mounting: mkfs.ext4 -d, then debugfs for what it takes from
the build (owner and times of every inode). The same bytes for the same tree."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images.archive import sorted_paths

BLOCK = 4096
MEBIBYTE = 1 << 20
NAMESPACE = uuid.UUID("5c1f6f43-0a0c-5c3c-9f0a-1d0d0c0a0b0e")


def size_of(root: Path, extra: int) -> int:
    """Bytes of a filesystem that holds the tree: its blocks, inodes, a tenth for metadata and the journal, and ``extra``."""
    blocks = inodes = 0
    for name in sorted_paths(root):
        status = os.lstat(root / name[1:])
        blocks += -(-status.st_size // BLOCK) + 1
        inodes += 1
    wanted = int((blocks * BLOCK + inodes * 512) * 1.1) + 16 * MEBIBYTE + extra
    return -(-wanted // MEBIBYTE) * MEBIBYTE


def inode_commands(root: Path, owners: Mapping[str, tuple[int, int]], epoch: int) -> str:
    """The debugfs commands that set owner and times of all inodes."""
    lines = []
    for name in sorted_paths(root):
        if '"' in name or "\n" in name:
            raise HadronbakeError(
                Diagnostic("HBI109", f"{name!r}: a name with a quote or newline can't be put into an ext4 image")
            )
        quoted = f'"{name}"'
        lines += [f"sif {quoted} {field} @{epoch}" for field in ("atime", "ctime", "mtime", "crtime")]
        lines += [f"sif {quoted} {field}_extra 0" for field in ("atime", "ctime", "mtime", "crtime")]
        if name in owners:
            uid, gid = owners[name]
            lines += [f"sif {quoted} uid {uid}", f"sif {quoted} gid {gid}"]
    return "\n".join(lines) + "\n"


def write(root: Path, target: Path, owners: Mapping[str, tuple[int, int]], epoch: int, label: str, extra: int) -> None:
    """Write ``target``, a sparse file. ``extra``: free space in bytes. ``label``: volume name (16 bytes) and seed of the UUIDs."""
    size = size_of(root, extra)
    with target.open("wb") as stream:
        stream.truncate(size)
    environment = {**os.environ, "E2FSPROGS_FAKE_TIME": str(epoch), "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC"}
    identity, seed = uuid.uuid5(NAMESPACE, label), uuid.uuid5(NAMESPACE, label + " hash seed")
    options = [
        "-q",
        "-F",
        "-b",
        str(BLOCK),
        "-L",
        label[:16],
        "-U",
        str(identity),
        "-E",
        f"hash_seed={seed},root_owner=0:0,lazy_itable_init=0",
    ]
    # Without a reserve for root: the image is a system disk whose size somebody else decides.
    command = ["mkfs.ext4", *options, "-m", "0", "-O", "^metadata_csum_seed,^orphan_file", "-d", str(root), str(target)]
    run(command, environment)
    commands = target.with_name(target.name + ".debugfs")
    commands.write_text(inode_commands(root, owners, epoch))
    text = run(["debugfs", "-w", "-f", str(commands), str(target)], environment)
    bad = [line for line in text.splitlines() if not line.startswith("debugfs") and "not found" in line]
    if bad:
        raise HadronbakeError(Diagnostic("HBI110", f"debugfs: {bad[0]}"))
    commands.unlink()


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run a tool; its standard error if it succeeds, else HadronbakeError with it."""
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise HadronbakeError(
            Diagnostic("HBI111", f"{command[0]} failed with status {done.returncode}: {done.stderr.strip()[-2000:]}")
        )
    return done.stderr
