"""From a tree in the store to directories on the disk."""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH101, PTH102, PTH108, PTH211

from __future__ import annotations

import errno
import glob
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hadronbake.artifacts import holes
from hadronbake.artifacts.cas import MTIME_NS, Cas
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.tree import Directory, FileNode, decode, unfold
from hadronbake.diagnostics import HadronbakeError


@dataclass(slots=True)
class Layout:
    """A tree laid out flat. ``directories`` (path → mode) has parents before their children, without the root; ``files``: those of
    each directory, by its path with a slash at its end (empty for the root); ``symlinks``: path → target."""

    directories: dict[str, int]
    files: dict[str, Sequence[FileNode]]
    symlinks: dict[str, str]

    def placed(self) -> Iterator[tuple[str, FileNode]]:
        """Each file with its path."""
        for prefix, nodes in self.files.items():
            for node in nodes:
                yield prefix + node.name, node


def read(cas: Cas, digest: Digest) -> Directory:
    """One directory message. Raises MissingBlob, HBA007."""
    return decode(cas.get(digest))


def layout(cas: Cas, digest: Digest) -> Layout:
    """Raises MissingBlob, HBA007, HBA010."""
    known = unfold(digest, lambda inner: read(cas, inner))
    result = Layout({}, {}, {})
    _lay(known, known[digest.hash], "", result)
    return result


def _lay(known: Mapping[str, Directory], directory: Directory, prefix: str, into: Layout) -> None:
    into.files[prefix] = directory.files
    for link in directory.symlinks:
        into.symlinks[prefix + link.name] = link.target
    for child in directory.directories:
        below = known[child.digest.hash]
        into.directories[prefix + child.name] = below.mode
        _lay(known, below, f"{prefix}{child.name}/", into)


@contextmanager
def building(destination: Path) -> Iterator[Path]:
    """Where to build what is to appear at ``destination``, whole or not at all: a directory beside it, renamed at the end.

    Where the destination exists it is itself the place. Where somebody else made it meanwhile, his stays.
    """
    if destination.is_dir() and not destination.is_symlink():
        yield destination
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    for left in destination.parent.glob(f".{glob.escape(destination.name)}.*.new"):
        if not Path("/proc", left.name.split(".")[-3]).exists():
            remove(left)
    place = destination.parent / f".{destination.name}.{os.getpid()}.{threading.get_ident()}.new"
    place.mkdir()
    try:
        yield place
        try:
            place.rename(destination)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    finally:
        remove(place)


def remove(path: Path) -> None:
    """Deletes a tree, also one whose directories are read-only."""
    if not os.path.lexists(path):
        return
    for directory, _, _ in os.walk(path):
        with suppress(OSError):
            if os.geteuid() != 0:
                os.chmod(directory, 0o700)
    shutil.rmtree(path)


def write(cas: Cas, tree: Layout, place: Path, link: bool, pool: ThreadPoolExecutor) -> None:
    """Makes the tree below the directory ``place``.

    ``link``: hard links from the store, so read-only files with the store's modes; else copies with the recorded modes.
    What is at a path already is replaced, except that a directory is filled; nothing is written through a symbolic
    link. Raises MissingBlob, and HBA009 where a directory is in the way of a file or the other way round.
    """
    root = str(place)
    for path in tree.directories:
        _directory(f"{root}/{path}", path)

    if link:
        # The interpreter's lock leaves threads nothing to do here.
        for prefix, nodes in tree.files.items():
            if nodes:
                _link_all(cas, nodes, f"{root}/{prefix}")
    else:
        files = list(tree.placed())
        chunks = [files[start : start + 64] for start in range(0, len(files), 64)]

        def fill(part: list[tuple[str, FileNode]]) -> None:
            for path, node in part:
                _again(_copy, cas, node, f"{root}/{path}")

        for _ in pool.map(fill, chunks):
            pass
    for path, target in tree.symlinks.items():
        _symlink(f"{root}/{path}", target)
    _finish(root, tree.directories.items())


def _link_all(cas: Cas, nodes: Iterable[FileNode], directory: str) -> None:
    """The files of one directory, which has been made: named below an open descriptor, so that its path is gone along once."""
    place = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for node in nodes:
            source = cas.ready(node.digest, node.mode & 0o111 != 0)
            if source is not None:
                try:
                    os.link(source, node.name, dst_dir_fd=place)
                except OSError:
                    source = None
            if source is None:
                _again(_link, cas, node, directory + node.name)
    finally:
        os.close(place)


def _again(function: Callable[[Cas, FileNode, str], None], cas: Cas, node: FileNode, full: str) -> None:
    try:
        function(cas, node, full)
    except FileNotFoundError:
        # The blob has gone since this process saw it.
        cas.distrust(node.digest)
        function(cas, node, full)


def _finish(root: str, directories: Iterable[tuple[str, int]]) -> None:
    for path, mode in reversed(list(directories)):
        full = f"{root}/{path}"
        if mode != 0o755:
            os.chmod(full, mode)
        os.utime(full, ns=(MTIME_NS, MTIME_NS))
    os.utime(root, ns=(MTIME_NS, MTIME_NS))


def _directory(full: str, path: str) -> None:
    try:
        os.mkdir(full, 0o755)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(full).st_mode):
            raise _in_the_way(path) from None
    os.chmod(full, 0o755)


def _clear(full: str) -> None:
    try:
        with suppress(FileNotFoundError):
            os.unlink(full)
    except IsADirectoryError:
        raise _in_the_way(full) from None


def _in_the_way(path: str) -> HadronbakeError:
    return HadronbakeError.of("HBA009", f"'{path}' can't be restored: something of another kind is there")


def _link(cas: Cas, node: FileNode, full: str) -> None:
    source = cas.locate(node.digest, node.executable)
    try:
        os.link(source, full)
    except OSError as error:
        if error.errno == errno.EEXIST:
            # Another process may be filling the same directory from the same store.
            if os.path.lexists(full) and os.path.samestat(os.lstat(full), os.lstat(source)):
                return
            _clear(full)
            _link(cas, node, full)
        elif error.errno in (errno.EXDEV, errno.EMLINK, errno.EPERM):
            # Another file system, or a file (the empty one) with as many links as there can be.
            _duplicate(source, full, 0o555 if node.executable else 0o444)
        else:
            raise


def _copy(cas: Cas, node: FileNode, full: str) -> None:
    source = cas.locate(node.digest, node.executable)
    try:
        _duplicate(source, full, node.mode)
    except FileExistsError:
        _clear(full)
        _duplicate(source, full, node.mode)


def _duplicate(source: str, full: str, mode: int) -> None:
    target = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        origin = os.open(source, os.O_RDONLY)
        try:
            holes.copy(origin, target, os.fstat(origin).st_size)
        finally:
            os.close(origin)
        os.fchmod(target, mode)
        os.utime(target, ns=(MTIME_NS, MTIME_NS))
    finally:
        os.close(target)


def _symlink(full: str, target: str) -> None:
    try:
        os.symlink(target, full)
    except FileExistsError:
        _clear(full)
        os.symlink(target, full)
    os.utime(full, ns=(MTIME_NS, MTIME_NS), follow_symlinks=False)
