"""A disk that fails: the operating system's file functions, of which the n-th call (or each that writes) doesn't do what it should."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

WRITING = [
    "write",
    "pwrite",
    "ftruncate",
    "copy_file_range",
    "link",
    "symlink",
    "mkdir",
    "rename",
    "replace",
    "unlink",
    "rmdir",
    "fsync",
    "fchmod",
    "chmod",
    "utime",
]  # and open, where it creates
READING = ["stat", "lstat", "scandir", "listdir", "read", "pread", "readlink", "fstat"]
_CREATING = os.O_CREAT | os.O_WRONLY | os.O_RDWR | os.O_TRUNC


class Disk:
    """``at``: the number of the call that fails, from 1; 0 for none, -1 for each. ``calls``: how many there were."""

    def __init__(self, at: int, fault: Callable[[str], None], writing_only: bool) -> None:
        self.calls = 0
        self.hit = False
        self._at = at
        self._fault = fault
        self._writing_only = writing_only

    def _count(self, name: str) -> None:
        self.calls += 1
        if self.calls == self._at or self._at == -1:
            self.hit = True
            self._fault(name)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            self._count(name)
            return function(*arguments, **named)

        return wrapped

    def wrap_open(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            flags = arguments[1] if len(arguments) > 1 else named.get("mode", named.get("flags", "r"))
            writes = bool(flags & _CREATING) if isinstance(flags, int) else any(c in flags for c in "wax+")
            if writes or not self._writing_only:
                self._count("open")
            return function(*arguments, **named)

        return wrapped


@contextmanager
def failing(at: int, fault: Callable[[str], None], *, writing_only: bool = False) -> Iterator[Disk]:
    """While it lasts ``fault`` is called with the function's name instead of the call; it raises or doesn't come back."""
    disk = Disk(at, fault, writing_only)
    with ExitStack() as stack:
        for name in (*WRITING, *(() if writing_only else READING)):
            stack.enter_context(mock.patch.object(os, name, disk.wrap(name, getattr(os, name))))
        stack.enter_context(mock.patch.object(os, "open", disk.wrap_open(os.open)))
        opened = disk.wrap_open(io.open)
        stack.enter_context(mock.patch.object(io, "open", opened))
        stack.enter_context(mock.patch.object(builtins, "open", opened))
        yield disk


def error(number: int) -> Callable[[str], None]:
    def fail(name: str) -> None:
        raise OSError(number, os.strerror(number), f"({name})")

    return fail


def full() -> Callable[[str], None]:
    return error(errno.ENOSPC)


def end(name: str) -> None:
    """The process is gone, as by SIGKILL."""
    os._exit(9)
