"""Documentation of names that everyone uses: variables, flags, tasks, overrides, operators, directives, calls of Python code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["variables", "flags", "tasks", "overrides", "operators", "directives", "calls"]


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(Path(__file__).with_name("known.toml").read_text(encoding="utf-8"))


def documented(kind: Kind) -> Mapping[str, str]:
    """Name → what it means, one or two sentences with names in backquotes."""
    return _table()[kind]


def variable_meaning(name: str) -> str | None:
    """What a variable is for; of ``RDEPENDS:${PN}`` and ``PREFERRED_VERSION_zlib`` that of the part which is known."""
    known = documented("variables")
    base = name.split(":", 1)[0]
    if base in known:
        return known[base]
    if base in documented("tasks"):
        return documented("tasks")[base]
    found = max((item for item in known if len(item) > 3 and base.startswith(f"{item}_")), key=len, default=None)
    return known[found] if found in _SUFFIXED else None


# Variables that exist for each name that may follow.
_SUFFIXED = frozenset(
    {
        "BBFILE_PATTERN",
        "BBFILE_PRIORITY",
        "LAYERDEPENDS",
        "LAYERRECOMMENDS",
        "LAYERSERIES_COMPAT",
        "PREFERRED_PROVIDER",
        "PREFERRED_RPROVIDER",
        "PREFERRED_VERSION",
        "REQUIRED_VERSION",
        "SRCREV",
    }
)
