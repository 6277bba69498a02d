"""One GNU make job server for all tasks of a build: a fifo with as many tokens as jobs may run at once.

Every running task holds one token, which its make or ninja takes for granted; further jobs take theirs from the fifo. GNU
make before 4.4 gets it as an inherited file descriptor (``--jobserver-auth=R,W``), newer programs open the path
(``--jobserver-auth=fifo:PATH``). Protocol: GNU make manual, "Sharing Job Slots with GNU make".
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

INSIDE = "/hb/jobserver"
_TOKEN = b"+"
# The same number in every task, and out of the way of the numbers that shell scripts use.
_DESCRIPTOR = 200


class Jobserver:
    """``path`` is made anew. Use from one thread."""

    def __init__(self, path: Path, tokens: int) -> None:
        self.path = path
        self.tokens = tokens
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        # An open file description of its own: old makes can't do with one that doesn't block.
        blocking = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.inherited = fcntl.fcntl(blocking, fcntl.F_DUPFD_CLOEXEC, _DESCRIPTOR)
        os.close(blocking)
        os.write(self.descriptor, _TOKEN * tokens)

    def environment(self) -> dict[str, str]:
        """For a task whose process inherits :attr:`inherited`, the fifo being mounted at INSIDE."""
        return {
            "MAKEFLAGS": f"-j --jobserver-auth={self.inherited},{self.inherited}",
            "HB_JOBSERVER_FIFO": INSIDE,
        }

    def acquire(self) -> bool:
        """Takes a token if there is one."""
        try:
            return bool(os.read(self.descriptor, 1))
        except BlockingIOError:
            return False

    def release(self, tokens: int = 1) -> None:
        if tokens:
            os.write(self.descriptor, _TOKEN * tokens)

    def refill(self) -> None:
        """Makes up for tokens that tasks took along when they were killed. Only while no task runs and none is taken."""
        with suppress(BlockingIOError):
            while os.read(self.descriptor, 4096):
                pass
        os.write(self.descriptor, _TOKEN * self.tokens)

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self.inherited)
        self.path.unlink(missing_ok=True)
