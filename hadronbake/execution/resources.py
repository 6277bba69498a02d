"""When the machine is short of memory, or waits for memory or disk, no further task starts."""

from __future__ import annotations

from pathlib import Path

import psutil

_PRESSURE = Path("/proc/pressure")
_MEMORY_SHARE = 0.06
# Per cent of the last ten seconds in which something waited.
_LIMITS = {"memory": 25.0, "io": 80.0}


def hold_reason(pressure: Path = _PRESSURE) -> str | None:
    """Why no further task should start now, or None."""
    memory = psutil.virtual_memory()
    if memory.available < memory.total * _MEMORY_SHARE:
        return f"only {memory.available >> 20} MiB of memory are left"
    for kind, limit in _LIMITS.items():
        waited = full_pressure(pressure / kind)
        if waited > limit:
            return f"processes wait for {kind} {waited:.0f} % of the time"
    return None


def full_pressure(path: Path) -> float:
    """``full avg10`` of a file of /proc/pressure; 0 where the kernel doesn't say. Format: Linux, accounting/psi."""
    try:
        text = path.read_text()
    except OSError:
        return 0.0
    for line in text.splitlines():
        kind, *fields = line.split()
        if kind == "full":
            return next((float(field[6:]) for field in fields if field.startswith("avg10=")), 0.0)
    return 0.0
