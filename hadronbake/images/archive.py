"""A root filesystem as a tar file (pax format, IEEE 1003.1-2001), plain or as ``.tar.zst``: the same bytes for the same tree."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import zstandard

LEVEL = 9


def sorted_paths(root: Path) -> list[str]:
    """Every path below ``root``, directories before what is in them, as ``/…``; the root itself is ``/``."""
    result = ["/"]
    for directory, names, files in os.walk(root):
        base = "" if directory == str(root) else "/" + os.path.relpath(directory, root)
        result += [f"{base}/{name}" for name in (*names, *files)]
    return sorted(result)


def write(root: Path, target: Path, owners: Mapping[str, tuple[int, int]], epoch: int) -> None:
    """Write ``target``, compressed. All times are ``epoch`` (seconds since 1970); owners that aren't named are root."""
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=2)
    with target.open("wb") as raw, compressor.stream_writer(raw) as stream:
        write_tar(root, stream, owners, epoch)


def write_tar(root: Path, stream: IO[bytes], owners: Mapping[str, tuple[int, int]], epoch: int) -> None:
    """The same without compression, to a stream that needs no seeking."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted_paths(root):
            path = root / name[1:]
            info = archive.gettarinfo(str(path), arcname="." + name.rstrip("/"))
            info.mtime = epoch
            info.uid, info.gid = owners.get(name, (0, 0))
            info.uname = info.gname = ""
            info.pax_headers = {}
            if info.islnk():
                # Which of several names is the file and which the link depends on nothing but the order of names.
                info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
            if info.isreg():
                with path.open("rb") as content:
                    archive.addfile(info, content)
            else:
                archive.addfile(info)
