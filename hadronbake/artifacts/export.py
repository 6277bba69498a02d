"""A tree of the store as an archive for people: the same bytes for the same tree."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

import zstandard

from hadronbake.artifacts import checkout
from hadronbake.artifacts.cas import MTIME_NS
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.store import Store
from hadronbake.diagnostics import HadronbakeError

_ENDINGS = (".tar", ".tar.gz", ".tar.zst")
_OTHERS = re.compile(r"\.(tar\.(xz|bz2|lz|lz4|lzma|lzo|br|z)|t[gbxl]z2?|tzst|zip|7z|rar|cpio)$", re.IGNORECASE)


def is_archive(path: Path) -> bool:
    return path.name.endswith(_ENDINGS)


def export(store: Store, trees: Mapping[str, Digest], destination: Path) -> None:
    """Each tree below a directory of its name (none for ""), in a new directory or, where ``destination`` ends with .tar, .tar.gz or
    .tar.zst, an archive, with owner 0 and the store's time. Raises HBA031 where the destination exists, HBA032 for another
    kind of archive, MissingBlob."""
    if destination.exists():
        raise HadronbakeError.of("HBA031", f"{destination} exists already", hint="name another place, or remove it")
    destination.parent.mkdir(parents=True, exist_ok=True)
    if not is_archive(destination):
        if _OTHERS.search(destination.name):
            raise HadronbakeError.of(
                "HBA032",
                f"{destination} would be an archive of a kind that isn't written",
                hint="let it end with .tar, .tar.gz or .tar.zst; a directory, with something else",
            )
        with checkout.building(destination) as place:
            for name, tree in trees.items():
                store.checkout(tree, place / name, link=False)
        return
    temporary = destination.with_name(f".{destination.name}.new")
    try:
        with temporary.open("wb") as file:
            _archive(store, trees, file, destination.name)
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)


def _archive(store: Store, trees: Mapping[str, Digest], file: IO[bytes], name: str) -> None:
    if name.endswith(".zst"):
        with zstandard.ZstdCompressor(level=9).stream_writer(file, closefd=False) as packed:
            _fill(store, trees, cast("IO[bytes]", packed))
    elif name.endswith(".gz"):
        import gzip

        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:
            _fill(store, trees, cast("IO[bytes]", zipped))
    else:
        _fill(store, trees, file)


def _fill(store: Store, trees: Mapping[str, Digest], file: IO[bytes]) -> None:
    with tarfile.open(mode="w|", fileobj=file, format=tarfile.PAX_FORMAT) as archive:
        for name, tree in trees.items():
            _add(store, archive, tree, f"{name}/" if name else "")


def _add(store: Store, archive: tarfile.TarFile, tree: Digest, prefix: str) -> None:
    layout = checkout.layout(store.cas, tree)
    members = [(path, "directory", mode) for path, mode in layout.directories.items()]
    members += [(path, "link", 0o777) for path in layout.symlinks]
    files = dict(layout.placed())
    members += [(path, "file", node.mode) for path, node in files.items()]
    for path, kind, mode in sorted(members):
        info = tarfile.TarInfo(prefix + path)
        info.mode, info.mtime = mode, MTIME_NS // 10**9
        info.uname = info.gname = "root"
        if kind == "directory":
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        elif kind == "link":
            info.type, info.linkname = tarfile.SYMTYPE, layout.symlinks[path]
            archive.addfile(info)
        else:
            node = files[path]
            info.size = node.digest.size
            with Path(store.cas.locate(node.digest, node.executable)).open("rb") as source:
                archive.addfile(info, source)
