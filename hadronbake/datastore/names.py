"""What the name of a variable says about it: the operation in it, and whose override variant it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# The first keyword splits the name. A condition may hold no upper-case letter: then the name is an ordinary one.
_OPERATION = re.compile(r"(.*?):(append|prepend|remove)(?::([^A-Z]*))?$", re.DOTALL)
_OLD_STYLE = re.compile(r"_append|_prepend|_remove")
_OVERRIDE_START = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, slots=True)
class Name:
    """``base`` and ``condition`` belong to ``operation`` (``append``, ``prepend``, ``remove`` or empty).

    ``parents``: (variable, suffix) pairs: ``V:a:b`` is the variant ``b`` of ``V:a`` and the variant ``a:b`` of ``V``.
    For a name with an operation they are those of ``base``. ``short`` ends before the first colon.
    """

    short: str
    base: str
    operation: str
    condition: tuple[str, ...]
    parents: tuple[tuple[str, str], ...]
    old_style: bool


@lru_cache(maxsize=1 << 17)
def classify(name: str) -> Name:
    """The parts of ``name``."""
    short = name.split(":", 1)[0]
    old_style = _OLD_STYLE.search(name) is not None and not name.startswith("__anon_")
    if ":" not in name:
        return Name(short, name, "", (), (), old_style)
    match = _OPERATION.match(name)
    if match:
        base, operation, condition = match.groups()
        return Name(short, base, operation, tuple(condition.split(":")) if condition else (), parents(base), old_style)
    return Name(short, name, "", (), parents(name), old_style)


def parents(name: str) -> tuple[tuple[str, str], ...]:
    """The variables that ``name`` is a variant of, nearest first.

    The suffixes are looked at from the right; the first one that cannot be an override ends the search.
    """
    found: list[tuple[str, str]] = []
    end = len(name)
    while True:
        colon = name.rfind(":", 0, end)
        if colon <= 0 or name[colon + 1 : colon + 2] not in _OVERRIDE_START:
            return tuple(found)
        found.append((name[:colon], name[colon + 1 :]))
        end = colon
