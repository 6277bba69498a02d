"""A tree as an initramfs archive ("newc" of the kernel's ``Documentation/driver-api/early-userspace/buffer-format.rst``),
compressed: the same bytes for the same tree."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

import zstandard

from hadronbake.images.archive import sorted_paths

LEVEL = 9
_TRAILER = "TRAILER!!!"
# path (``/…``) → uid and gid, as ownership.read gives them.
Owners = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Device:
    """A character device. ``path`` without a leading slash; its directory must be in the tree."""

    path: str
    major: int
    minor: int
    mode: int = 0o600


# What the kernel opens for the first program before anybody has mounted /dev.
DEVICES = (Device("dev/console", 5, 1), Device("dev/null", 1, 3, 0o666), Device("dev/kmsg", 1, 11, 0o644))


def write(
    root: Path, target: Path, epoch: int, devices: Iterable[Device] = DEVICES, owners: Owners = MappingProxyType({})
) -> None:
    """Write ``target``, compressed by zstd. All times are ``epoch`` (seconds since 1970); owners that aren't named are root."""
    with target.open("wb") as raw, zstandard.ZstdCompressor(level=LEVEL).stream_writer(raw) as stream:
        write_plain(root, stream, epoch, devices, owners)


def write_plain(
    root: Path, stream: IO[bytes], epoch: int, devices: Iterable[Device] = (), owners: Owners = MappingProxyType({})
) -> None:
    """The same without compression. Files that are linked to each other become files of their own; sockets are left out."""
    number = 0
    nodes = {device.path: device for device in devices}
    for name in sorted({*(path[1:] for path in sorted_paths(root)), *nodes} - {""}):
        number += 1
        device = nodes.get(name)
        if device is not None:
            _entry(stream, number, name, stat.S_IFCHR | device.mode, epoch, b"", (device.major, device.minor))
            continue
        status = os.lstat(root / name)
        if stat.S_ISLNK(status.st_mode):
            content = os.fsencode((root / name).readlink())
        elif stat.S_ISREG(status.st_mode):
            content = (root / name).read_bytes()
        elif stat.S_ISDIR(status.st_mode) or stat.S_ISFIFO(status.st_mode):
            content = b""
        else:
            continue
        _entry(stream, number, name, status.st_mode, epoch, content, owner=owners.get(f"/{name}", (0, 0)))
    _entry(stream, 0, _TRAILER, 0, 0, b"")


def _entry(
    stream: IO[bytes],
    number: int,
    name: str,
    mode: int,
    epoch: int,
    content: bytes,
    device: tuple[int, int] = (0, 0),
    owner: tuple[int, int] = (0, 0),
) -> None:
    coded = os.fsencode(name) + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    # inode, mode, uid, gid, links, time, size, the file's device, the node's device, length of the name, checksum.
    fields = (number, mode, *owner, links, epoch, len(content), 0, 0, *device, len(coded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    for part in (header + coded, content):
        stream.write(part + bytes(-len(part) % 4))
