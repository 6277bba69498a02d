"""Sizes as people write them: ``20G``, ``500M``."""

from __future__ import annotations

import re

from hadronbake.diagnostics import HadronbakeError

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", re.IGNORECASE)


def parse_size(text: str, name: str) -> int | None:
    """Bytes, in units of 1024; None for nothing. ``name``: of the variable or option, for HBA030."""
    if not text.strip():
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise HadronbakeError.of(
            "HBA030", f"{name}: '{text}' is no size", hint="a number with K, M, G or T, for example 20G"
        )
    return int(float(match[1]) * (1 << _UNITS[match[2].upper()]))


def show_size(size: int) -> str:
    """In the largest unit that gives at least one, with one digit after the point."""
    for unit in ("T", "G", "M", "K"):
        if size >= 1 << _UNITS[unit]:
            return f"{size / (1 << _UNITS[unit]):.1f} {unit}iB"
    return f"{size} B"
