"""From directories on the disk to a tree in the store."""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH101, PTH115

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hadronbake.artifacts.cas import Batch
from hadronbake.artifacts.record import Digest, Frozen
from hadronbake.artifacts.tree import DEEPEST, Directory, DirectoryNode, FileNode, SymlinkNode, encode
from hadronbake.diagnostics import HadronbakeError

_KINDS = {
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
}


class Tree(Frozen):
    """``digest`` is that of the root Directory; ``files`` counts regular files, ``bytes`` is the sum of their sizes."""

    digest: Digest
    files: int
    bytes: int


@dataclass(slots=True)
class _Found:
    mode: int = 0o755
    files: list[tuple[str, str, int]] = field(default_factory=list)
    """Name, path, mode."""
    symlinks: list[SymlinkNode] = field(default_factory=list)
    directories: dict[str, _Found] = field(default_factory=dict)


def capture(base: Path, directories: Sequence[str], batch: Batch, pool: ThreadPoolExecutor) -> Tree:
    """Puts ``base/<directory>`` for each of ``directories`` (relative, maybe of several parts) into ``batch``.

    Modes are kept with set-uid, set-gid and sticky bits; owners, times and extended attributes are not; a hard link
    becomes a file. Raises HadronbakeError for what a tree can't hold (HBA003, HBA004) and for a directory that isn't
    there (HBA005).
    """
    root = _Found()
    for directory in sorted(set(directories)):
        parts = Path(directory).parts
        if not parts or directory.startswith("/") or ".." in parts:
            raise HadronbakeError.of(
                "HBA005", f"an output directory must be a path below the work directory, not {directory!r}"
            )
        place, path = root, base
        for part in parts:
            path = path / part
            if path.is_symlink() or not path.is_dir():
                raise HadronbakeError.of(
                    "HBA005",
                    f"the output directory '{directory}' isn't there after the task",
                    hint="the task names it in [sstate-inputdirs] and must make it; [dirs] or [cleandirs] do that",
                )
            place = place.directories.setdefault(part, _Found())
        _walk(str(path), place)
    files = [file for found in _all(root) for file in found.files]
    chunks = [files[start : start + 64] for start in range(0, len(files), 64)]
    digests: dict[str, Digest] = {}
    for chunk in pool.map(lambda part: [(path, _put(path, mode, batch)) for _, path, mode in part], chunks):
        digests.update(chunk)
    return Tree(
        digest=_encode(root, digests, batch), files=len(digests), bytes=sum(digest.size for digest in digests.values())
    )


def _walk(path: str, found: _Found, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise HadronbakeError.of(
            "HBA010", f"an output may have {DEEPEST} directories below each other; there are more in '{path[:200]}…'"
        )
    found.mode = stat.S_IMODE(os.lstat(path).st_mode)
    with _readable(path, found.mode, 0o700), os.scandir(path) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
        for entry in children:
            _check_name(entry.path, entry.name)
            if entry.is_symlink():
                target = os.readlink(entry.path)
                _check_name(entry.path, target)
                found.symlinks.append(SymlinkNode(entry.name, target))
            elif entry.is_dir(follow_symlinks=False):
                _walk(entry.path, found.directories.setdefault(entry.name, _Found()), depth + 1)
            else:
                mode = entry.stat(follow_symlinks=False).st_mode
                if not stat.S_ISREG(mode):
                    kind = _KINDS.get(stat.S_IFMT(mode), "a special file")
                    raise HadronbakeError.of(
                        "HBA003",
                        f"'{entry.path}' is {kind}; an output may hold only files, directories and symbolic links",
                        hint="what a system needs in /dev or /run is made when it starts (tmpfiles.d, sysusers.d)",
                    )
                found.files.append((entry.name, entry.path, stat.S_IMODE(mode)))


def _check_name(path: str, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise HadronbakeError.of(
            "HBA004", f"{os.fsencode(path)!r}: a file name or a link's target in an output must be UTF-8"
        ) from None


@contextmanager
def _readable(path: str, mode: int, needed: int) -> Iterator[None]:
    """An ordinary user can't read his own file of mode 0111: give it the bits for as long as it takes."""
    if mode & needed == needed or os.geteuid() == 0:
        yield
        return
    os.chmod(path, mode | needed)
    try:
        yield
    finally:
        os.chmod(path, mode)


def _put(path: str, mode: int, batch: Batch) -> Digest:
    with _readable(path, mode, 0o400):
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return batch.put_file(source, os.fstat(source).st_size, bool(mode & 0o111))
    finally:
        os.close(source)


def _all(found: _Found) -> Iterator[_Found]:
    yield found
    for child in found.directories.values():
        yield from _all(child)


def _encode(found: _Found, digests: dict[str, Digest], batch: Batch) -> Digest:
    return batch.put(
        encode(
            Directory(
                files=tuple(FileNode(name, digests[path], mode) for name, path, mode in found.files),
                directories=tuple(
                    DirectoryNode(name, _encode(child, digests, batch)) for name, child in found.directories.items()
                ),
                symlinks=tuple(found.symlinks),
                mode=found.mode,
            )
        )
    )
