"""Which programs a task is run with, for records: what to look at when two machines make different outputs."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from pathlib import Path

from hadronbake import __version__

_COMPILERS = ("cc", "gcc")


@cache
def tool_versions(hosttools: Path) -> dict[str, str]:
    """Name → version, of hadronbake, Python, the kernel, bubblewrap, and the C compiler among the host tools, if there is one."""
    found = {"hadronbake": __version__, "python": platform.python_version(), "kernel": platform.release()}
    sandbox = _first_line("bwrap")
    if sandbox:
        found["bubblewrap"] = sandbox.removeprefix("bubblewrap ")
    compiler = next((str(hosttools / name) for name in _COMPILERS if (hosttools / name).exists()), None)
    if compiler and (said := _first_line(compiler)):
        found["cc"] = said
    return found


def _first_line(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip()
