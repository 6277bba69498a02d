"""A program's standard input and output on this terminal, every key as it is, until Ctrl-]."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import termios
import tty
from collections.abc import Sequence

ESCAPE = b"\x1d"


def attach(command: Sequence[str]) -> int:
    """Run it; its exit status, or 0 if Ctrl-] ended it. Without a terminal its input is ours, and there is no such key."""
    if not sys.stdin.isatty():
        return subprocess.run(command, check=False).returncode
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal, termios.TCSADRAIN)
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
    except OSError:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        raise
    assert process.stdin is not None
    try:
        while process.poll() is None:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            keys = os.read(terminal, 1024)
            before_escape, found, _ = keys.partition(ESCAPE)
            with contextlib.suppress(BrokenPipeError):
                os.write(process.stdin.fileno(), before_escape)
            if found or not keys:
                process.terminate()
                process.wait()
                return 0
        return process.returncode
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        if process.poll() is None:
            process.kill()
            process.wait()
