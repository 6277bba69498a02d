"""What there is in the place of a file that should be read: a directory, a fifo, a link that leads nowhere."""

# ruff: noqa: PTH115, PTH116
from __future__ import annotations

import errno
import os
import stat


def in_place_of(path: str) -> str:
    """What is there in place of a file."""
    return f" ({why_unreadable(path, OSError())})" if os.path.lexists(path) else ""


def why_unreadable(path: str, error: OSError) -> str:
    """What is wrong with a file that a directory listed."""
    try:
        mode = os.stat(path).st_mode
    except OSError as found:
        if not os.path.islink(path):
            return found.strerror or str(found)
        if found.errno == errno.ELOOP:
            return "it is a symbolic link that leads to itself"
        return f"it is a symbolic link to {os.readlink(path)}, which doesn't exist"
    for is_kind, kind in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a fifo"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if is_kind(mode):
            return f"it is {kind}"
    return error.strerror or str(error)
