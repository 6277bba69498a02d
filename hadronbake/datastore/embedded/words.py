"""Questions about the words of a variable, as inline expressions ask them. Rules: language.md §18."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def _words(value: str | Iterable[str]) -> set[str]:
    return set(value.split()) if isinstance(value, str) else set(value)


def contains(variable: str, checkvalues: str | Iterable[str], truevalue: Any, falsevalue: Any, d: Any) -> Any:
    """``truevalue`` if the variable has all of the words, else ``falsevalue`` (also when unset or empty)."""
    value = d.getVar(variable)
    if not value:
        return falsevalue
    return truevalue if _words(checkvalues) <= set(value.split()) else falsevalue


def contains_any(variable: str, checkvalues: str | Iterable[str], truevalue: Any, falsevalue: Any, d: Any) -> Any:
    """``truevalue`` if the variable has one of the words."""
    value = d.getVar(variable)
    if not value:
        return falsevalue
    return truevalue if _words(checkvalues) & set(value.split()) else falsevalue


def filter(variable: str, checkvalues: str | Iterable[str], d: Any) -> str:
    """The words that the variable has, sorted, joined by blanks."""
    return filter_string(d.getVar(variable), checkvalues)


def filter_string(text: str | None, checkvalues: str | Iterable[str]) -> str:
    if not text:
        return ""
    return " ".join(sorted(_words(checkvalues) & set(text.split())))


def to_boolean(text: Any, default: Any = None) -> Any:
    """True or False for y/yes/1/true and n/no/0/false in any case; the default for None and ""."""
    if not text:
        return default
    if isinstance(text, int):
        return text != 0
    lowered = str(text).lower()
    if lowered in ("y", "yes", "1", "true"):
        return True
    if lowered in ("n", "no", "0", "false"):
        return False
    raise ValueError(f"Invalid boolean value '{text}'")


def to_filemode(value: Any) -> int:
    """An integer as it is, a string as octal digits; ValueError otherwise."""
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return int(value, 8)
    raise ValueError(f"not a file mode: {value!r}")


def is_semver(version: str) -> bool:
    """Whether the text is a semantic version (semver.org 2.0.0)."""
    number, label = r"(0|[1-9]\d*)", r"(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
    pattern = rf"{number}\.{number}\.{number}(-{label}(\.{label})*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
    return re.fullmatch(pattern, version) is not None


def get_referenced_vars(start: str, d: Any) -> list[str]:
    """Names of variables reachable from an expression, breadth first."""
    seen: set[str] = set()
    order: list[str] = []
    queue = [start]
    while queue:
        found = re.findall(r"\$\{([A-Za-z0-9_.+/~:-]+)\}|getVar\(\s*['\"]([^'\"]+)['\"]", queue.pop(0))
        names = [first or second for first, second in found]
        for name in names:
            if name not in seen:
                seen.add(name)
                order.append(name)
                value = d.getVar(name, False)
                if isinstance(value, str):
                    queue.append(value)
    return order
