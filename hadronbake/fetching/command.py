"""Other programs that fetch (git, apt): run with their output kept, and ended when nothing moves any more."""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hadronbake.fetching.model import Unavailable

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """In the child: the kernel kills it when the engine is killed, so that nothing of it stays."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def run(
    command: Sequence[str],
    *,
    stall_seconds: float,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    moved: Callable[[], int] | None = None,
) -> tuple[int, str]:
    """Runs a command; gives its exit status and its output (both streams).

    It is ended with all it started if for ``stall_seconds`` it neither writes anything nor changes what ``moved`` gives
    (called about twice a second). Raises Unavailable then, and if there is no such program.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
    except FileNotFoundError:
        raise Unavailable(f"there is no program '{command[0]}' on this machine") from None
    assert process.stdout is not None
    output: list[bytes] = []
    last = time.monotonic()
    state = moved() if moved else 0
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(0.5):
                    chunk = os.read(process.stdout.fileno(), 65536)
                    if not chunk:
                        break
                    output.append(chunk)
                    last = time.monotonic()
                if moved and (now := moved()) != state:
                    state = now
                    last = time.monotonic()
                if time.monotonic() - last > stall_seconds:
                    raise Unavailable(f"'{command[0]}' stalled: nothing came for {stall_seconds:g} s")
        status = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        process.stdout.close()
    return status, b"".join(output).decode("utf-8", "replace")


def last_words(output: str, count: int = 3) -> str:
    """The last lines of a program's output that say something, on one line."""
    lines = [line.strip() for line in output.replace("\r", "\n").splitlines() if line.strip()]
    return "; ".join(lines[-count:]) or "it said nothing"
