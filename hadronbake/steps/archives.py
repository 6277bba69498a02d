"""Taking archives apart without letting them out of a directory.

Every entry is refused whose place isn't below the directory: absolute names, ``..``, names that go through a symbolic link,
hard links to elsewhere, and what is no file, directory or link. Owners aren't restored; times are, because generated
files beside their sources (configure, lexers) must stay newer than these; group and others never get write permission.
"""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH102, PTH108, PTH211

from __future__ import annotations

import bz2
import calendar
import fnmatch
import functools
import gzip
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from hadronbake.diagnostics import HadronbakeError

_CHUNK = 1 << 20
_TAR = {
    ".tar": "",
    ".tar.gz": "gz",
    ".tgz": "gz",
    ".crate": "gz",
    ".tar.bz2": "bz2",
    ".tbz": "bz2",
    ".tbz2": "bz2",
    ".tar.xz": "xz",
    ".txz": "xz",
    ".tar.lzma": "lzma",
    ".tar.zst": "zst",
    ".tzst": "zst",
    ".tar.lz4": "lz4",
    ".tar.lz": "lz",
}
_SINGLE = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".lzma": "lzma", ".zst": "zst", ".lz4": "lz4", ".lz": "lz"}
_ZIP = (".zip", ".jar")
_PROGRAMS = {
    "gz": ("gzip", "-dc"),
    "bz2": ("bzip2", "-dc"),
    "xz": ("xz", "-dc", "-T0"),
    "lzma": ("xz", "-dc", "--format=lzma"),
    "zst": ("zstd", "-dcq", "--long=31"),
    "lz4": ("lz4", "-dcq"),
    "lz": ("lzip", "-dc"),
}


def kind(name: str) -> str | None:
    """ "tar", "zip", "single" (one compressed file) or None, by the file's name."""
    lower = name.lower()
    if lower.endswith(tuple(_TAR)):
        return "tar"
    if lower.endswith(_ZIP):
        return "zip"
    return "single" if lower.endswith(tuple(_SINGLE)) else None


def unpack(archive: Path, destination: Path, striplevel: int = 0) -> None:
    """Unpacks into ``destination``, which is made. ``striplevel``: how many leading parts of the names are dropped.

    Raises HBS101 (an entry leaves the directory), HBS102 (damaged), HBS103 (no program for the compression).
    """
    destination.mkdir(parents=True, exist_ok=True)
    form = kind(archive.name)
    if form == "tar":
        _unpack_tar(archive, Place(destination, archive.name, striplevel), None)
    elif form == "zip":
        _unpack_zip(archive, Place(destination, archive.name, striplevel), None)
    elif form == "single":
        _unpack_single(archive, destination)
    else:
        raise HadronbakeError.of("HBS104", f"{archive.name} is no archive of a known kind")


def unpack_nested(archive: Path, destination: Path, pattern: str, striplevel: int = 0) -> None:
    """Unpacks the archives inside ``archive`` whose name matches ``pattern`` (shell glob over the whole name, or over the
    last part if it has no slash), instead of ``archive`` itself. Raises also HBS105 where none matches."""
    destination.mkdir(parents=True, exist_ok=True)
    seen: list[str] = []

    def wanted(name: str) -> bool:
        if kind(name):
            seen.append(name)
        return fnmatch.fnmatchcase(name if "/" in pattern else name.rpartition("/")[2], pattern)

    with tempfile.TemporaryDirectory(prefix=".nested-", dir=destination) as directory:
        place = Place(Path(directory), archive.name, 0)
        if kind(archive.name) == "zip":
            _unpack_zip(archive, place, wanted)
        else:
            _unpack_tar(archive, place, wanted)
        inner = sorted(path for path in Path(directory).rglob("*") if path.is_file() and not path.is_symlink())
        if not inner:
            raise HadronbakeError.of(
                "HBS105",
                f"no file in {archive.name} matches nested={pattern}",
                hint=f"the archives in it are: {', '.join(seen)}" if seen else "there is no archive in it",
            )
        for path in inner:
            unpack(path, destination, striplevel)


class Place:
    """A directory that entries of one archive are put into. Raises HBS101 for an entry that would leave it."""

    def __init__(self, root: Path, archive: str, striplevel: int) -> None:
        self._root = os.path.realpath(root)
        self._archive = archive
        self._strip = striplevel
        # Directories (relative) known to be real ones. They stay so: a directory is never replaced.
        self._real = {""}
        self._times: list[tuple[str, int]] = []

    def path(self, name: str) -> str | None:
        """The relative path of an entry, or None where nothing of it is left after stripping."""
        if name.startswith("/"):
            raise self.refused(name, "has an absolute name")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise self.refused(name, "has '..' in its name")
        return "/".join(parts[self._strip :]) or None

    def directory(self, name: str, mtime: int) -> None:
        path = self.path(name)
        if path is not None:
            self._enter(path, name)
            self._times.append((path, mtime))

    def file(self, name: str, mode: int, mtime: int, write: Callable[[int], None]) -> None:
        """``write`` puts the content into the descriptor."""
        path = self.path(name)
        if path is None:
            return
        full = self._prepare(path, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            target = os.open(full, flags, 0o600)
        except FileExistsError:
            self._replace(full, name)
            target = os.open(full, flags, 0o600)
        try:
            write(target)
            os.fchmod(target, (mode & 0o755) | 0o400)
            os.utime(target, ns=(mtime, mtime))
        finally:
            os.close(target)

    def symlink(self, name: str, target: str, mtime: int) -> None:
        path = self.path(name)
        if path is not None:
            full = self._prepare(path, name)
            if os.path.lexists(full):
                self._replace(full, name)
            os.symlink(target, full)
            os.utime(full, ns=(mtime, mtime), follow_symlinks=False)

    def hardlink(self, name: str, target: str) -> None:
        path, source = self.path(name), self._link_target(name, target)
        if path is None or path == source:
            return
        full = self._prepare(path, name)
        if os.path.lexists(full):
            self._replace(full, name)
        os.link(f"{self._root}/{source}", full, follow_symlinks=False)

    def finish(self) -> None:
        """The times of directories, which every new entry changes."""
        for path, mtime in reversed(self._times):
            os.utime(f"{self._root}/{path}", ns=(mtime, mtime))

    def refused(self, name: str, why: str) -> HadronbakeError:
        return HadronbakeError.of(
            "HBS101",
            f"{self._archive}: the entry '{name}' {why}; the archive is not unpacked",
            hint="it may be an attack",
        )

    def _link_target(self, name: str, target: str) -> str:
        parts = [part for part in target.split("/") if part not in ("", ".")]
        if target.startswith("/") or ".." in parts or len(parts) <= self._strip:
            raise self.refused(name, f"is a hard link to '{target}', outside of the directory")
        parts = parts[self._strip :]
        for count in range(1, len(parts) + 1):
            try:
                mode = os.lstat(f"{self._root}/{'/'.join(parts[:count])}").st_mode
            except FileNotFoundError:
                raise self.refused(name, f"is a hard link to '{target}', which isn't in it before") from None
            if count < len(parts) and not stat.S_ISDIR(mode):
                raise self.refused(name, f"is a hard link to '{target}', through a symbolic link")
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            raise self.refused(name, f"is a hard link to '{target}', which is no file")
        return "/".join(parts)

    def _prepare(self, path: str, name: str) -> str:
        self._enter(path.rpartition("/")[0], name)
        return f"{self._root}/{path}"

    def _enter(self, path: str, name: str) -> None:
        if path in self._real:
            return
        self._enter(path.rpartition("/")[0], name)
        full = f"{self._root}/{path}"
        try:
            os.mkdir(full, 0o755)
        except FileExistsError:
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                raise self.refused(name, f"goes through the symbolic link '{path}'") from None
            if not stat.S_ISDIR(mode):
                raise self.refused(name, f"has the file '{path}' for a directory") from None
        self._real.add(path)

    def _replace(self, full: str, name: str) -> None:
        try:
            os.unlink(full)
        except IsADirectoryError:
            raise self.refused(name, "is in the place of a directory") from None


class _Forward:
    """A stream that ``tarfile`` takes for a file: it may tell, and seek forward."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._at = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._at += len(data)
        return data

    def tell(self) -> int:
        return self._at

    def seek(self, position: int, whence: int = 0) -> int:
        if position < self._at or whence:
            raise tarfile.StreamError("a stream can't be read backwards")
        while self._at < position and self.read(min(_CHUNK, position - self._at)):
            pass
        return self._at


def _unpack_tar(archive: Path, place: Place, wanted: Callable[[str], bool] | None) -> None:
    lower = archive.name.lower()
    compression = next(form for suffix, form in _TAR.items() if lower.endswith(suffix))
    with _decompressed(archive, compression) as stream:
        source = _Forward(stream)
        try:
            with tarfile.open(
                fileobj=cast(BinaryIO, source), mode="r:", encoding="utf-8", errors="surrogateescape"
            ) as tar:
                while (member := tar.next()) is not None:
                    # The list that it keeps of all members would take a kilobyte for each.
                    tar.members = []  # type: ignore[attr-defined]
                    if wanted is None or (member.isreg() and wanted(member.name)):
                        _place_member(tar, member, source, place)
            while stream.read(_CHUNK):
                pass
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise _damaged(archive, str(error)) from error
    place.finish()


def _place_member(tar: tarfile.TarFile, member: tarfile.TarInfo, source: _Forward, place: Place) -> None:
    mtime = int(max(0, min(member.mtime, 1 << 33)) * 10**9)
    if member.isreg():

        def write(target: int) -> None:
            if member.sparse is None:
                _copy(source, target, member.size)
            else:
                data = tar.extractfile(member)
                assert data is not None
                with os.fdopen(target, "wb", closefd=False) as file:
                    shutil.copyfileobj(data, file, _CHUNK)

        place.file(member.name, member.mode, mtime, write)
    elif member.isdir():
        place.directory(member.name, mtime)
    elif member.issym():
        place.symlink(member.name, member.linkname, mtime)
    elif member.islnk():
        place.hardlink(member.name, member.linkname)
    else:
        raise place.refused(member.name, "is a device or a fifo" if member.isdev() else "is of an unknown kind")


def _copy(source: _Forward, target: int, size: int) -> None:
    while size:
        data = source.read(min(size, _CHUNK))
        if not data:
            raise EOFError("unexpected end of data")
        size -= len(data)
        _write(target, data)


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def _unpack_zip(archive: Path, place: Place, wanted: Callable[[str], bool] | None) -> None:
    try:
        with zipfile.ZipFile(archive) as file:
            for entry in file.infolist():
                mode = entry.external_attr >> 16
                mtime = calendar.timegm((*entry.date_time, 0, 0, 0)) * 10**9
                if wanted is not None and (entry.is_dir() or not wanted(entry.filename)):
                    continue
                if entry.flag_bits & 1:
                    raise place.refused(entry.filename, "is encrypted")
                if entry.is_dir():
                    place.directory(entry.filename, mtime)
                elif stat.S_ISLNK(mode):
                    place.symlink(entry.filename, os.fsdecode(file.read(entry)), mtime)
                elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                    with file.open(entry) as data:
                        pour = functools.partial(_pour, cast(BinaryIO, data))
                        place.file(entry.filename, mode or 0o644, mtime, pour)
                else:
                    raise place.refused(entry.filename, "is a device or a fifo")
    except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError) as error:
        raise _damaged(archive, str(error)) from error
    place.finish()


def _pour(source: BinaryIO, target: int) -> None:
    while data := source.read(_CHUNK):
        _write(target, data)


def _unpack_single(archive: Path, destination: Path) -> None:
    stem, _, suffix = archive.name.rpartition(".")
    mtime = archive.stat().st_mtime_ns
    with _decompressed(archive, _SINGLE[f".{suffix.lower()}"]) as stream:
        try:
            Place(destination, archive.name, 0).file(stem, 0o644, mtime, lambda target: _pour(stream, target))
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise _damaged(archive, str(error)) from error


@contextmanager
def _decompressed(archive: Path, compression: str) -> Iterator[BinaryIO]:
    """The content as a stream: by a program where there is one (it has a core of its own), else by Python's modules."""
    if not compression:
        with archive.open("rb", buffering=_CHUNK) as plain:
            yield plain
        return
    words = _PROGRAMS[compression]
    if shutil.which(words[0]) is None:
        try:
            with _opened(archive, compression, words[0]) as stream:
                yield stream
        except (OSError, lzma.LZMAError) as error:
            raise _damaged(archive, str(error)) from error
        return
    with archive.open("rb") as source, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(words, stdin=source, stdout=subprocess.PIPE, stderr=complaints, bufsize=_CHUNK)
        assert process.stdout is not None
        try:
            yield cast(BinaryIO, process.stdout)
            while process.stdout.read(_CHUNK):
                pass
            failed = process.wait() != 0
        except HadronbakeError as error:
            # A stream that ends too early looks like a bad tar file; what the program says of it is nearer to the cause.
            process.stdout.close()
            failed = process.wait() > 0
            if not failed or error.diagnostics[0].code != "HBS102":
                raise
        finally:
            process.stdout.close()
            process.wait()
        if failed:
            complaints.seek(0)
            raise _damaged(archive, complaints.read().decode(errors="replace").strip())


def _opened(archive: Path, compression: str, program: str) -> BinaryIO:
    if compression == "gz":
        return cast(BinaryIO, gzip.open(archive))
    if compression == "bz2":
        return cast(BinaryIO, bz2.open(archive))
    if compression in ("xz", "lzma"):
        return cast(BinaryIO, lzma.open(archive))
    if compression == "zst":
        import zstandard

        return cast(BinaryIO, zstandard.open(archive, "rb"))
    raise HadronbakeError.of(
        "HBS103",
        f"{archive.name} can't be decompressed: the program {program} isn't there",
        hint=f'install it on the host and add it to HOSTTOOLS: HOSTTOOLS += "{program}"',
    )


def _damaged(archive: Path, why: str) -> HadronbakeError:
    return HadronbakeError.of(
        "HBS102", f"{archive.name} is damaged: {why}", hint="is its sha256sum that of the file that was meant?"
    )
