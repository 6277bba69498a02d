"""The metadata's Python runs in our process: what it does to the process is undone, and it cannot end it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from hadronbake.datastore.context import python_context

# Frames of Python: a chain of 800 variables, each in the value of the one before.
_DEPTH = 8000
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGPIPE, signal.SIGHUP)
_end = os._exit


def _refuse(status: int) -> NoReturn:
    raise SystemExit(status)


def _say(*values: Any, **options: Any) -> None:
    # Standard output is for results.
    print(*values, **{"file": sys.stderr, **options})


@contextmanager
def contained() -> Iterator[None]:
    """Within the block ``os._exit`` raises SystemExit, ``print`` of the metadata goes to standard error, and a deep recursion has
    room; after it the working directory, the umask and the signal handlers are what they were, and a forked child that came out
    of the block is gone."""
    pid = os.getpid()
    directory = _directory()
    alone = threading.active_count() == 1
    umask = _umask() if alone else 0
    main = threading.current_thread() is threading.main_thread()
    handlers = [signal.getsignal(number) for number in _SIGNALS] if main else []
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEPTH))
    python_context.setdefault("print", _say)

    def leave(status: int) -> NoReturn:
        if os.getpid() == pid:
            _refuse(status)
        _end(status)

    before, os._exit = os._exit, leave
    try:
        yield
    finally:
        if os.getpid() != pid:
            _end(1)
        os._exit = before
        sys.setrecursionlimit(limit)
        if directory is not None and _directory() != directory:
            os.chdir(directory)
        if alone:
            os.umask(umask)
        for number, handler in zip(_SIGNALS, handlers, strict=False):
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)


def _directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return None


def _umask() -> int:
    """It cannot be read without being set: not to be called while other threads make files."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask
