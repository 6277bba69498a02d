"""One build at a time in a build directory."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadronbake.diagnostics import HadronbakeError


def lock_file(topdir: Path) -> Path:
    return topdir / "hbake.lock"


@contextmanager
def build_lock(topdir: Path) -> Iterator[None]:
    """Holds the lock of the build directory. Raises HBE001 with who has it. The kernel drops it when the process ends."""
    path = lock_file(topdir)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 1000, 0).decode(errors="replace").strip() or "another process"
            raise HadronbakeError.of(
                "HBE001",
                f"the build directory {topdir} is in use by {holder}",
                hint="wait for it, or use another build directory: they share downloads and shared state",
            ) from None
        os.ftruncate(descriptor, 0)
        said = f"process {os.getpid()} ({' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}), since {time.ctime()}"
        os.pwrite(descriptor, said.encode(errors="replace"), 0)
        yield
    finally:
        os.close(descriptor)
