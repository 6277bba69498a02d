"""What ``bb.utils`` offers for files: directories, copies, removal, digests, locks, search along a path."""

# ruff: noqa: PTH100, PTH101, PTH103, PTH104, PTH108, PTH110, PTH112, PTH113, PTH115, PTH116, PTH117, PTH119, PTH120, PTH123, PTH207, PTH211
from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import glob
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from typing import IO, Any


def mkdirhier(directory: str) -> None:
    """Make a directory and its parents; fine if it exists. A name with an unexpanded ``${`` is refused."""
    if "${" in str(directory):
        raise ValueError(f"directory name {directory} contains an unexpanded variable")
    os.makedirs(directory, exist_ok=True)


def check_unsafe_delete_path(path: str) -> bool:
    """Whether deleting all of it would be a disaster: the root, ``/home``, or somebody's home."""
    if not path:
        return False
    real = os.path.realpath(path)
    home = os.environ.get("HOME", "")
    parts = real.strip("/").split("/")
    if len(parts) == 2 and parts[0] == "home":
        return True
    return real in {"/", "/home", "/root"} or (home != "" and real == os.path.realpath(home))


def _refuse_unsafe(path: str) -> None:
    if check_unsafe_delete_path(path):
        raise Exception(f"bb.utils.remove: refusing to delete {path} recursively")


def remove(path: str, recurse: bool = False, ionice: bool = False) -> None:
    """Delete what the glob ``path`` names; directories only with ``recurse``. Refuses ``/``, ``/home`` and homes."""
    if not path:
        return
    for name in glob.glob(path) or [path]:
        if recurse and os.path.isdir(name) and not os.path.islink(name):
            _refuse_unsafe(name)
            shutil.rmtree(name, ignore_errors=False)
            continue
        try:
            os.unlink(name)
        except OSError as error:
            if error.errno == errno.EISDIR:
                raise
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise


def prunedir(topdir: str, ionice: bool = False) -> None:
    """Delete a directory tree; a symbolic link is only unlinked."""
    if os.path.islink(topdir):
        os.unlink(topdir)
        return
    _refuse_unsafe(topdir)
    if os.path.isdir(topdir):
        shutil.rmtree(topdir)


def copyfile(
    src: str, dest: str, newmtime: float | None = None, sstat: os.stat_result | None = None
) -> os.stat_result | bool:
    """Copy a file, link or special file with mode, owner and times; gives the source's stat, or False."""
    try:
        info = sstat or os.lstat(src)
        if stat.S_ISLNK(info.st_mode):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(dest)
            os.symlink(os.readlink(src), dest)
            return os.lstat(dest)
        if not stat.S_ISREG(info.st_mode):
            return False
        temporary = f"{dest}#new"
        shutil.copyfile(src, temporary)
        with contextlib.suppress(PermissionError):
            os.chown(temporary, info.st_uid, info.st_gid)
        os.chmod(temporary, stat.S_IMODE(info.st_mode))
        times = (info.st_atime, info.st_mtime) if newmtime is None else (newmtime, newmtime)
        os.utime(temporary, times)
        os.rename(temporary, dest)
        return info
    except OSError as error:
        from .logs import warn

        warn(f"copyfile: {src} to {dest}: {error}")
        return False


def movefile(
    src: str, dest: str, newmtime: float | None = None, sstat: os.stat_result | None = None
) -> os.stat_result | bool:
    """Rename, or copy and delete across file systems."""
    if os.path.isdir(dest) and not os.path.isdir(src):
        dest = os.path.join(dest, os.path.basename(src))
    try:
        info = sstat or os.lstat(src)
        try:
            os.rename(src, dest)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copied = copyfile(src, dest, newmtime, info)
            if copied is False:
                return False
            os.unlink(src)
        if newmtime is not None:
            os.utime(dest, (newmtime, newmtime))
        return info
    except OSError as error:
        from .logs import warn

        warn(f"movefile: {src} to {dest}: {error}")
        return False


def rename(src: str, dst: str) -> None:
    """Rename, also from one file system to another."""
    try:
        os.rename(src, dst)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.move(src, dst)


def break_hardlinks(src: str, sstat: os.stat_result | None = None) -> os.stat_result | bool:
    """Make the file's content its own; a file with one link is left alone."""
    info = sstat or os.lstat(src)
    return info if info.st_nlink == 1 else copyfile(src, src, sstat=info)


def which(path: str, item: str, direction: int = 0, history: bool = False, executable: bool = False) -> Any:
    """The first ``DIR/item`` that exists along a colon-separated path ("" if none; with ``direction`` from the end).

    With ``history`` a pair: the result and every name tried, the result included.
    """
    tried = []
    directories = (path or "").split(":")
    if direction:
        directories.reverse()
    for directory in directories:
        candidate = os.path.join(directory, item)
        tried.append(candidate)
        found = os.path.isfile(candidate) and os.access(candidate, os.X_OK) if executable else os.path.exists(candidate)
        if found:
            if not os.path.isabs(candidate):
                candidate = os.path.abspath(candidate)
            return (candidate, tried) if history else candidate
    return ("", tried) if history else ""


def _sum(name: str, filename: str) -> str:
    with open(filename, "rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def md5_file(filename: str) -> str:
    return _sum("md5", filename)


def sha1_file(filename: str) -> str:
    return _sum("sha1", filename)


def sha256_file(filename: str) -> str:
    return _sum("sha256", filename)


def sha384_file(filename: str) -> str:
    return _sum("sha384", filename)


def sha512_file(filename: str) -> str:
    return _sum("sha512", filename)


def goh1_file(filename: str) -> str:
    """Go's ``h1:`` hash (golang.org/x/mod/sumdb/dirhash, Hash1) in hex: over a zip's members, else over one ``go.mod``."""
    import zipfile

    lines = []
    if zipfile.is_zipfile(filename):
        with zipfile.ZipFile(filename) as archive:
            for name in sorted(item.filename for item in archive.infolist()):
                with archive.open(name) as member:
                    lines.append(f"{hashlib.file_digest(member, 'sha256').hexdigest()}  {name}\n")  # type: ignore[arg-type]
    else:
        lines.append(f"{sha256_file(filename)}  go.mod\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def goh1_text(digest: str) -> str:
    """The form in go.sum of a hex digest of goh1_file."""
    return "h1:" + base64.b64encode(bytes.fromhex(digest)).decode()


def lockfile(name: str, shared: bool = False, retry: bool = True, block: bool = False) -> IO[str] | None:
    """Lock a file (made if missing); None if it is held by somebody else and ``retry`` is off."""
    mkdirhier(os.path.dirname(name) or ".")
    mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if retry or block else fcntl.LOCK_NB)
    while True:
        handle = open(name, "a+")  # noqa: SIM115
        try:
            fcntl.flock(handle, mode)
        except OSError:
            handle.close()
            return None
        # Somebody may have unlinked the file while we waited: then this lock is on a file that is gone.
        try:
            if os.fstat(handle.fileno()).st_ino == os.stat(name).st_ino:
                return handle
        except FileNotFoundError:
            pass
        handle.close()


def unlockfile(handle: IO[str] | None) -> None:
    if handle is None:
        return
    try:
        # Unlink only when nobody shares the lock; else the last holder does it.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(handle.name)
    except OSError:
        pass
    fcntl.flock(handle, fcntl.LOCK_UN)
    handle.close()


@contextlib.contextmanager
def fileslocked(files: list[str] | None, *args: Any, **kwargs: Any) -> Iterator[None]:
    """Hold locks on several files."""
    locks = [lockfile(name, *args, **kwargs) for name in sorted(files or [])]
    try:
        yield
    finally:
        for lock in reversed(locks):
            unlockfile(lock)


@contextlib.contextmanager
def umask(new: int) -> Iterator[None]:
    """Run the block with this umask."""
    old = os.umask(new)
    try:
        yield
    finally:
        os.umask(old)


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Run the block with these environment variables set."""
    saved = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


def nonblockingfd(descriptor: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)


def cpu_count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def path_is_descendant(descendant: str, ancestor: str) -> bool:
    """Whether one path is below another (or the same), symbolic links resolved."""
    top = os.path.realpath(ancestor)
    real = os.path.realpath(descendant)
    return real == top or real.startswith(top.rstrip("/") + "/")


def is_path_on_nfs(path: str) -> bool:
    """Whether the file system that holds ``path`` is NFS, by /proc/mounts."""
    real, best, kind = os.path.realpath(path), "", ""
    with open("/proc/mounts") as mounts:
        for line in mounts:
            point, filesystem = line.split()[1:3]
            if (real + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best):
                best, kind = point, filesystem
    return kind.startswith("nfs")
