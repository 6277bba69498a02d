"""A remote that is a directory, maybe on NFS: ``ac/xx/HASH`` and ``cas/xx/HASH``, each made whole by rename.

No locks: a blob's name says its content, so whoever comes second writes the same; of two results for one key that come at the
same time link(2) lets the first stay. With ``compress`` a blob is ``HASH.zst`` where that is smaller; both are read.
"""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH116

from __future__ import annotations

import errno
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from hadronbake.artifacts import holes
from hadronbake.artifacts.record import Digest
from hadronbake.remotes.compression import SMALLEST, compress, decompress
from hadronbake.remotes.remote import CHUNK, Blob, Entry, RemoteError, Take, Traffic, each
from hadronbake.remotes.settings import RemoteSetting

_THREADS = 8
_STALE_SECONDS = 86_400
_CHECK_SECONDS = 5.0


class DirectoryRemote:
    """``setting.url`` is the path of the directory; for a remote that may be written it is made."""

    complete = False
    # To look is a stat; to send is a file that must be on the disk.
    unasked = -1

    def __init__(self, setting: RemoteSetting) -> None:
        self.traffic = Traffic()
        self._root = setting.url
        self._writable = setting.writable
        self._compress = setting.compress
        self._timeout = setting.timeout
        self._checked = -_CHECK_SECONDS
        self._pool = ThreadPoolExecutor(_THREADS, "directory")
        self._numbers = itertools.count()
        self._name = f"{socket.gethostname()}.{os.getpid()}"

    def results(self, keys: Sequence[Digest]) -> dict[str, bytes]:
        def read(key: Digest) -> bytes | None:
            with self._asking():
                try:
                    data = Path(self._path("ac", key.hash)).read_bytes()
                except FileNotFoundError:
                    return None
                self.traffic.add(received=len(data))
                return data

        self._check()
        found = zip(keys, each(self._pool, read, keys), strict=True)
        return {key.hash: data for key, data in found if data is not None}

    def put_results(self, entries: Sequence[Entry]) -> None:
        def one(entry: Entry) -> None:
            with self._asking():
                temporary = self._temporary(lambda: iter((entry.result,)))
                path = self._path("ac", entry.key.hash)
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                try:
                    if entry.replace:
                        Path(temporary).rename(path)
                    else:
                        self._link(temporary, path)
                finally:
                    Path(temporary).unlink(missing_ok=True)
                self.traffic.add(sent=len(entry.result))

        self._check()
        each(self._pool, one, entries)

    def missing(self, digests: Collection[Digest]) -> set[Digest]:
        def absent(digest: Digest) -> bool:
            with self._asking():
                path = self._path("cas", digest.hash)
                with suppress(FileNotFoundError):
                    return os.stat(path).st_size != digest.size
                return not Path(f"{path}.zst").exists()

        self._check()
        wanted = list(digests)
        return {digest for digest, is_absent in zip(wanted, each(self._pool, absent, wanted), strict=True) if is_absent}

    def read(self, wanted: Sequence[Digest], take: Take) -> None:
        def one(digest: Digest) -> None:
            with self._asking():
                path = self._path("cas", digest.hash)
                for name, packed in ((path, False), (f"{path}.zst", True)):
                    with suppress(FileNotFoundError), Path(name).open("rb", buffering=0) as file:
                        pieces = self._counted(iter(lambda: file.read(CHUNK), b""))
                        take(digest, decompress(pieces, digest.size) if packed else pieces)
                        return

        self._check()
        each(self._pool, one, wanted)

    def write(self, blobs: Sequence[Blob]) -> None:
        def one(blob: Blob) -> None:
            with self._asking():
                path = self._path("cas", blob.digest.hash)
                packed = self._compress and blob.digest.size >= SMALLEST
                temporary = self._temporary(lambda: compress(blob.chunks()) if packed else blob.chunks())
                self.traffic.add(sent=os.stat(temporary).st_size)
                # By rename, not by link: what is there may be half of it, after a crash of the file server.
                target = f"{path}.zst" if packed else path
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                Path(temporary).rename(target)

        self._check()
        each(self._pool, one, blobs)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _path(self, kind: str, name: str) -> str:
        return f"{self._root}/{kind}/{name[:2]}/{name}"

    def _check(self) -> None:
        """A directory that isn't mounted looks like one where nothing is: only the missing directory itself tells. A file
        server that is gone lets who asks wait for ever, so that is done by a thread that may be left behind."""
        if time.monotonic() - self._checked < _CHECK_SECONDS:
            return
        there: list[bool] = []
        thread = threading.Thread(target=lambda: there.append(Path(self._root).is_dir()), daemon=True)
        thread.start()
        thread.join(self._timeout)
        if not there:
            raise RemoteError(f"no answer for {self._timeout:.0f} s", fatal=True)
        if not there[0] and not self._writable:
            raise RemoteError("there is no such directory", fatal=True)
        self._checked = time.monotonic()

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.traffic.add(received=len(piece))
            yield piece

    @contextmanager
    def _asking(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except OSError as error:
            fatal = error.errno in (errno.EACCES, errno.EROFS, errno.ESTALE, errno.ENOTDIR, errno.ENOSPC)
            raise RemoteError(f"{error.strerror}: {error.filename or self._root}", fatal) from error
        finally:
            self.traffic.add(requests=1, seconds=time.monotonic() - began)

    def _temporary(self, content: Callable[[], Iterator[bytes]]) -> str:
        number = next(self._numbers)
        directory = Path(self._root) / "tmp"
        directory.mkdir(parents=True, exist_ok=True)
        if number == 0:
            for left in directory.iterdir():
                with suppress(OSError):
                    if left.stat().st_mtime < time.time() - _STALE_SECONDS:
                        left.unlink()
        path = f"{directory}/{self._name}.{threading.get_ident()}.{number}"
        size = 0
        with Path(path).open("xb", buffering=0) as file:
            for piece in content():
                holes.write(file.fileno(), piece, size)
                size += len(piece)
            file.truncate(size)
            os.fsync(file.fileno())
        return path

    def _link(self, temporary: str, path: str) -> None:
        try:
            Path(path).hardlink_to(temporary)
        except FileExistsError:
            return
        except OSError as error:
            # A file system without hard links: the last of two at one time stays.
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
                raise
            Path(f"{temporary}.copy").write_bytes(Path(temporary).read_bytes())
            Path(f"{temporary}.copy").rename(path)
