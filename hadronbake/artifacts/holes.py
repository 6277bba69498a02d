"""Holes: blocks of zeros in a file that take no space on the disk. They read as zeros, so no digest knows of them.

An image of several GB is mostly zeros. All files that the store writes have holes there, whatever the one had that they are
made from; and what was written without gets them where it lies (:func:`dig`).
"""

# Plain strings, not Path objects: these functions are called for tens of thousands of paths at a time.
# ruff: noqa: PTH101, PTH116

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

BLOCK = 4096
"""What file systems allocate at least; zeros in smaller pieces stay."""

CHUNK = 1 << 20
# Less gains too little for looking at it.
_SMALLEST = 16 * BLOCK
_ZEROS = bytes(CHUNK)
_ZERO_BLOCK = bytes(BLOCK)
_KEEP_SIZE, _PUNCH_HOLE = 1, 2

Run = tuple[int, int]
"""Where in a file something begins, and where it ends."""


def write(target: int, data: bytes, offset: int) -> None:
    """``data`` at ``offset`` of a new file, without its zeros. Who has written all sets the size: a file may end with a hole."""
    for begin, end, zero in _pieces(data, offset):
        if not zero:
            _write(target, memoryview(data)[begin:end], offset + begin)


def write_whole(target: int, data: bytes) -> None:
    """``data`` as all of the new file."""
    if len(data) < _SMALLEST:
        _write(target, memoryview(data), 0)
    else:
        write(target, data, 0)
        os.ftruncate(target, len(data))


def copy(source: int, target: int, size: int) -> None:
    """``size`` bytes from the start of one open file to an empty one: without its zeros, the rest by reference where the file
    system can. Holes aren't even read."""
    if size < _SMALLEST:
        _write(target, memoryview(os.pread(source, size, 0)), 0)
        return
    offset = 0
    while offset < size:
        try:
            offset = os.lseek(source, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break  # Nothing but a hole up to the end.
            # Else a file system that knows no holes: all is data.
        data = os.pread(source, max(0, min(CHUNK - offset % CHUNK, size - offset)), offset)
        if not data:
            break  # It has become shorter, or longer: its digest tells.
        for begin, end, zero in _pieces(data, offset):
            place = offset + begin
            if not zero:
                done = _refer(source, target, place, end - begin) if end - begin >= _SMALLEST else 0
                _write(target, memoryview(data)[begin + done : end], place + done)
        offset += len(data)
    os.ftruncate(target, min(size, os.fstat(source).st_size))


def zeros(data: bytes, offset: int) -> Iterator[Run]:
    """Where the file is zeros, by blocks; ``data``: its content from ``offset``."""
    for begin, end, zero in _pieces(data, offset):
        if zero and end - begin >= BLOCK:
            yield offset + begin, offset + end


def gain(state: os.stat_result, runs: Sequence[Run]) -> int:
    """About how many bytes of the disk holes at ``runs`` would free."""
    return state.st_blocks * 512 - (state.st_size - sum(end - begin for begin, end in runs))


def dig(path: str, runs: Sequence[Run]) -> int:
    """Makes holes of ``runs`` of a file, which are zeros, and gives back the bytes of the disk that this freed: 0 where the file
    system can't, or the file is somebody else's. At each moment the file reads as before; its mtime is afterwards what it was."""
    before = os.stat(path)
    if gain(before, runs) < _SMALLEST:
        return 0
    try:
        target = _open(path, before.st_mode)
    except OSError:
        return 0
    try:
        with suppress(OSError):
            for begin, end in runs:
                _punch(target, begin, end - begin)
        # (A kill before this is of no consequence either: verification looks at times, too.)
        os.utime(target, ns=(before.st_mtime_ns, before.st_mtime_ns))
        return max(0, before.st_blocks - os.fstat(target).st_blocks) * 512
    finally:
        os.close(target)


def _open(path: str, mode: int) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except PermissionError:
        # Its owner can't write to it either, but may say that he can.
        os.chmod(path, mode | 0o200)
    try:
        return os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    finally:
        os.chmod(path, mode)


def _punch(target: int, offset: int, length: int) -> None:
    """Linux's fallocate(2) with FALLOC_FL_PUNCH_HOLE, which Python doesn't have."""
    libc = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(libc, "fallocate64", None) or libc.fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if fallocate(target, _KEEP_SIZE | _PUNCH_HOLE, offset, length) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _pieces(data: bytes, offset: int) -> Iterator[tuple[int, int, bool]]:
    """``data``, which lies at ``offset`` of a file, in pieces that are zeros and such that aren't, parted where blocks of the file
    are."""
    size = len(data)
    if data == (_ZEROS[:size] if size <= CHUNK else bytes(size)):
        yield 0, size, True
        return
    began, kind = 0, None
    position = 0
    while position < size:
        end = min(position + BLOCK - (offset + position) % BLOCK, size)
        block = data[position:end]
        zero = block == (_ZERO_BLOCK if end - position == BLOCK else _ZERO_BLOCK[: end - position])
        if zero is not kind:
            if kind is not None:
                yield began, position, kind
            began, kind = position, zero
        position = end
    if kind is not None:
        yield began, size, kind


def _refer(source: int, target: int, offset: int, length: int) -> int:
    """Copies by reference, as much as the kernel will: how much."""
    done = 0
    with suppress(OSError):
        while done < length:
            count = os.copy_file_range(source, target, length - done, offset + done, offset + done)
            if not count:
                break
            done += count
    return done


def _write(target: int, view: memoryview, offset: int) -> None:
    while view:
        count = os.pwrite(target, view, offset)
        view, offset = view[count:], offset + count
