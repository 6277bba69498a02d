"""The blobs of the local store, by SHA-256.

A blob is at ``cas/xx/HASH`` (mode 0444) or ``exec/xx/HASH`` (mode 0555), or at both: two inodes, because a hard link shares
its mode. Which of the two is there first depends on who put it; the other is made when somebody needs it.

Invariants: a name in ``cas`` or ``exec`` appears by link(2) only, after its content; no lock is needed, since two writers of
one name write the same content. Content is trusted only after this process has hashed or written it (``_good``). Zeros are
holes in the file (``holes``).

What a batch puts, or finds there already, has a time of inode change (ctime) that is recent when the batch ends, and during
the batch the store's lock is shared. A collector, which deletes only what is old and only with the lock to itself, so takes
nothing that a record about to be written will name. Where locks don't work (some network file systems) that rests on the
times alone; and what is gone all the same is missed, and made again.
"""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH104, PTH108, PTH116, PTH123

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hadronbake.artifacts import holes
from hadronbake.artifacts.digest import CHUNK, holds, is_hash, of_bytes, of_file
from hadronbake.artifacts.record import Digest
from hadronbake.diagnostics import HadronbakeError

# All files of the store and of what is checked out from it: the first day that every format (zip, FAT) can express.
MTIME_NS = 315_619_200 * 10**9

# Up to so many new files are synchronised one by one; for more, one syncfs is cheaper (5 ms a file here).
_FEW = 16
_SMALL = 4 << 20
_STALE_SECONDS = 86_400

FRESH_SECONDS = 600.0
"""What is used and looks older is marked as new (a blob by its ctime, a record by its mtime). A collector's grace must be longer."""
_LOCK_SECONDS = 10.0
# What a failing disk, or a file that another client of a network file system deleted, says.
_UNREADABLE = (errno.EIO, errno.ESTALE)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class MissingBlob(HadronbakeError):
    """HBA001: the blob ``digest`` isn't in the store, or was damaged and has been set aside."""

    digest: Digest


def missing(digest: Digest, damaged: str | None = None) -> MissingBlob:
    what = f"blob {digest.hash} ({digest.size} bytes) is missing from shared state"
    if damaged:
        what = f"blob {digest.hash} ({digest.size} bytes) of shared state was damaged; it was set aside as {damaged}"
    error = MissingBlob.of("HBA001", what, hint="what needs it is built again")
    assert isinstance(error, MissingBlob)
    error.digest = digest
    return error


class Cas:
    """``root`` is the directory of the whole store; it is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._plain = str(root / "cas")
        self._executable = str(root / "exec")
        self._good: set[str] = set()
        self._numbers = itertools.count()
        self._begun = False

    def path(self, digest: Digest, executable: bool) -> str:
        """Where the blob is or would be; nothing is checked."""
        if not is_hash(digest.hash):
            raise ValueError(f"{digest.hash!r} is no SHA-256")
        return f"{self._executable if executable else self._plain}/{digest.hash[:2]}/{digest.hash}"

    def has(self, digest: Digest) -> bool:
        """Whether the blob is there with the right size; its content isn't read."""
        return self._has(digest, False) or self._has(digest, True)

    def keep(self, digest: Digest) -> bool:
        """Like :meth:`has`, and marks what is there as used now."""
        there = False
        for executable in (False, True):
            path = self.path(digest, executable)
            try:
                state = os.stat(path)
                if state.st_size != digest.size:
                    continue
                if abs(time.time() - state.st_ctime) > FRESH_SECONDS:
                    os.utime(path, ns=(MTIME_NS, MTIME_NS))
            except FileNotFoundError:
                continue
            except PermissionError:
                pass  # Another user's: only its age protects it.
            there = True
        return there

    def locate(self, digest: Digest, executable: bool) -> str:
        """The path of the verified blob with the wanted mode. Raises MissingBlob."""
        damaged: str | None = None
        for variant in (executable, not executable):
            path = self.path(digest, variant)
            if path not in self._good:
                try:
                    found = holds(path, digest)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    if error.errno not in _UNREADABLE:
                        raise
                    found = False
                if not found:
                    damaged = self.set_aside(path)
                    continue
                self._good.add(path)
            if variant == executable:
                return path
            try:
                return self._derive(path, digest, executable)
            except FileNotFoundError:
                self._good.discard(path)
        raise missing(digest, damaged)

    def ready(self, digest: Digest, executable: bool) -> str | None:
        """What :meth:`locate` gives, for a small blob that is there as wanted, by the fewest calls; else None. Whether one that this
        process has verified is still there isn't looked at."""
        name = digest.hash
        path = f"{self._executable if executable else self._plain}/{name[:2]}/{name}"
        if path in self._good:
            return path
        if digest.size > CHUNK:
            return None
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.read(file, digest.size + 1)
            finally:
                os.close(file)
        except OSError:
            return None
        if len(data) != digest.size or hashlib.sha256(data).hexdigest() != name:
            return None
        self._good.add(path)
        return path

    def get(self, digest: Digest) -> bytes:
        """Raises MissingBlob."""
        damaged: str | None = None
        data: bytes | None
        for variant in (False, True):
            path = self.path(digest, variant)
            try:
                with open(path, "rb", buffering=0) as file:
                    data = file.readall()
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno not in _UNREADABLE:
                    raise
                data = None
            if data is not None and of_bytes(data) == digest:
                self._good.add(path)
                return data
            self._good.discard(path)
            damaged = self.set_aside(path)
        raise missing(digest, damaged)

    def set_aside(self, path: str) -> str:
        """Moves a damaged file of the store out of the way, where it can be looked at; says where. In a store that can't be
        written it stays."""
        directory = self.root / "bad"
        place = f"{directory}/{Path(path).name}.{time.time_ns()}"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            os.rename(path, place)
        except FileNotFoundError:
            return place
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            return path
        return place

    @contextmanager
    def locked(self, exclusive: bool = False, seconds: float = _LOCK_SECONDS) -> Iterator[bool]:
        """Holds the store's lock, shared or alone; gives whether it was got within ``seconds``. A process that is stopped while
        it holds the lock stops nobody else for longer than that."""
        descriptor = self._open_lock()
        if descriptor is None:
            yield False
            return
        try:
            yield _flock(descriptor, exclusive, seconds)
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int | None:
        path = f"{self.root}/lock"
        for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
            with suppress(OSError):
                return os.open(path, flags | os.O_CLOEXEC, 0o666)
        return None

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """What is put in the batch becomes visible at its end, when all of it is on the disk; nothing of it on an error."""
        batch = Batch(self)
        with self.locked():
            try:
                yield batch
                batch.commit()
            finally:
                batch.discard()

    def temporary(self) -> str:
        """A new path on the store's file system. Temporary files of processes that were killed go after a day."""
        directory = self.root / "tmp"
        number = next(self._numbers)
        if not self._begun:
            # Also where another thread is just about to: what this one gets must be usable.
            directory.mkdir(parents=True, exist_ok=True)
            self._begun = True
        if number == 0:
            limit = time.time() - _STALE_SECONDS
            for entry in os.scandir(directory):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_ctime < limit:
                        os.unlink(entry.path)
        return f"{directory}/{os.getpid()}.{threading.get_ident()}.{number}"

    def publish(self, temporary: str, path: str) -> None:
        """Gives a complete blob its name. One that is there already stays, since its inode may be linked at this moment
        (link(2) fails for an inode that rename(2) has just replaced)."""
        for _ in range(5):
            try:
                os.link(temporary, path)
            except FileNotFoundError:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            except FileExistsError:
                with suppress(FileNotFoundError):
                    if os.stat(path).st_size == os.stat(temporary).st_size:
                        break
                    self.set_aside(path)
            else:
                self._good.add(path)
                break
        os.unlink(temporary)

    def distrust(self, digest: Digest) -> None:
        """Looks at the blob's files anew when they are next asked for."""
        self._good -= {self.path(digest, False), self.path(digest, True)}

    def _has(self, digest: Digest, executable: bool) -> bool:
        try:
            return os.stat(self.path(digest, executable)).st_size == digest.size
        except FileNotFoundError:
            return False

    def _derive(self, source: str, digest: Digest, executable: bool) -> str:
        path = self.path(digest, executable)
        temporary = self.temporary()
        with open(source, "rb", buffering=0) as origin:
            self.write(temporary, origin.fileno(), digest.size, executable)
        self.publish(temporary, path)
        return path

    def write(self, temporary: str, source: int, size: int, executable: bool) -> None:
        """Copies ``size`` bytes of the open file ``source`` to a new file with the store's mode and time."""
        target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            holes.copy(source, target, size)
            seal(target, executable)
        finally:
            os.close(target)


class Batch:
    """New blobs on their way into the store. Safe to put into from several threads."""

    def __init__(self, cas: Cas) -> None:
        self._cas = cas
        self._new: dict[str, str] = {}
        self._lock = threading.Lock()

    def put(self, data: bytes, executable: bool = False) -> Digest:
        digest = of_bytes(data)
        temporary = self._claim(digest, executable)
        if temporary is not None:
            target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                holes.write_whole(target, data)
                seal(target, executable)
            finally:
                os.close(target)
        return digest

    def put_file(self, source: int, size: int, executable: bool) -> Digest:
        """The open file ``source``, read from its start. Raises HBA008 where it changes meanwhile."""
        if size <= _SMALL:
            return self.put(_read(source), executable)
        state = hashlib.sha256()
        total = 0
        while data := os.pread(source, CHUNK, total):
            state.update(data)
            total += len(data)
        digest = Digest(hash=state.hexdigest(), size=total)
        temporary = self._claim(digest, executable)
        if temporary is not None:
            self._cas.write(temporary, source, total, executable)
            if of_file(temporary) != digest:
                raise HadronbakeError.of("HBA008", "a file changed while it was put into shared state")
        return digest

    def adopt(self, digest: Digest, executable: bool, temporary: str) -> None:
        """Takes a sealed file of :meth:`Cas.temporary` whose content the caller has verified."""
        path = self._cas.path(digest, executable)
        with self._lock:
            if path not in self._new:
                self._new[path] = temporary
                return
        os.unlink(temporary)

    def commit(self) -> None:
        if not self._new:
            return
        temporaries = list(self._new.values())
        if len(temporaries) <= _FEW:
            for temporary in temporaries:
                fsync(temporary)
        else:
            syncfs(self._cas.root / "tmp")
        self.publish()

    def publish(self) -> None:
        """Gives the new blobs their names, whether they are on the disk or not."""
        for path, temporary in self._new.items():
            self._cas.publish(temporary, path)
        self._new.clear()

    def discard(self) -> None:
        for temporary in self._new.values():
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        self._new.clear()

    def _claim(self, digest: Digest, executable: bool) -> str | None:
        """The temporary file to write the blob to, or None where it is in the store or another thread writes it."""
        if self._cas.keep(digest):
            return None
        path = self._cas.path(digest, executable)
        with self._lock:
            if path in self._new:
                return None
            self._new[path] = temporary = self._cas.temporary()
        return temporary


def _flock(descriptor: int, exclusive: bool, seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                return True  # No locks on this file system: nobody else has it either.
            if time.monotonic() > limit:
                return False
            time.sleep(0.005)
        else:
            return True


def _read(source: int) -> bytes:
    parts = []
    offset = 0
    while data := os.pread(source, _SMALL, offset):
        parts.append(data)
        offset += len(data)
    return b"".join(parts)


def seal(target: int, executable: bool) -> None:
    os.fchmod(target, 0o555 if executable else 0o444)
    os.utime(target, ns=(MTIME_NS, MTIME_NS))


def fsync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def syncfs(directory: Path) -> None:
    """Linux's syncfs(2): all of the file system of ``directory``."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(directory))
    finally:
        os.close(descriptor)
