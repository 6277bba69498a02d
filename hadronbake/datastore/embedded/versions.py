"""Versions and dependency lists as strings: comparison, and the ``a (>= 1) b`` form. Rules: language.md §18."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest

_PART = re.compile(r"\d+|[A-Za-z]+|.", re.S)
_OPERATORS: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<<": lambda order: order < 0,
    ">": lambda order: order > 0,
    ">>": lambda order: order > 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
}
_RELATIONS = ("<<", ">>", "<=", ">=", "==", "!=", "=", "<", ">")


class VersionStringException(Exception):
    """An operator or a version string that cannot be understood."""


def explode_version(text: str) -> list[tuple[int, int | str]]:
    """The parts of a version as (kind, value): ``~`` is -1, digits 0, letters 1, any other character 2."""
    parts: list[tuple[int, int | str]] = []
    for part in _PART.findall(text):
        if part.isdigit():
            parts.append((0, int(part)))
        elif part.isalpha() and part.isascii():
            parts.append((1, part))
        elif part == "~":
            parts.append((-1, part))
        else:
            parts.append((2, part))
    return parts


def split_version(text: str) -> tuple[int, str, str]:
    """``[PE:]PV[-PR]`` → (epoch, version, revision); the revision is what follows the last ``-``."""
    text = text.strip()
    epoch = 0
    if ":" in text:
        head, _, rest = text.partition(":")
        if head.isdigit():
            epoch, text = int(head), rest
        else:
            text = rest
    revision = ""
    if "-" in text:
        text, _, revision = text.rpartition("-")
    return epoch, text, revision


def vercmp_part(first: str, second: str) -> int:
    """-1, 0 or 1 for two versions without epoch and revision."""
    end: tuple[int, int | str] = (0, -1)
    for left, right in zip_longest(explode_version(first), explode_version(second)):
        if left is None or right is None:
            # A shorter list is less, except that "~" is before the end of the string.
            left, right = left or end, right or end
            if left is end:
                return 1 if right[0] == -1 else -1
            return -1 if left[0] == -1 else 1
        if left == right:
            continue
        if left[0] != right[0]:
            return -1 if left[0] < right[0] else 1
        return -1 if left[1] < right[1] else 1  # type: ignore[operator]
    return 0


def vercmp(first: tuple[object, str, str], second: tuple[object, str, str]) -> int:
    """Compare (epoch, version, revision) triples: -1, 0 or 1."""
    left, right = int(str(first[0] or 0)), int(str(second[0] or 0))
    if left != right:
        return -1 if left < right else 1
    return vercmp_part(first[1] or "", second[1] or "") or vercmp_part(first[2] or "", second[2] or "")


def vercmp_string(first: str, second: str) -> int:
    """Compare two ``PE:PV-PR`` strings: -1, 0 or 1."""
    return vercmp(split_version(first), split_version(second))


def vercmp_string_op(first: str, second: str, operator: str) -> bool:
    """Whether ``first operator second`` holds; raises VersionStringException for an unknown operator."""
    if operator not in _OPERATORS:
        raise VersionStringException(f'Unsupported comparison operator "{operator}"')
    return _OPERATORS[operator](vercmp_string(first, second))


# A name goes up to a blank or comma, parentheses in it included ("rtld(GNU_HASH)"); a constraint stands by itself.
_DEPENDENCY = re.compile(r"([^\s,]+)(?:\s+\(([^)]*)\))?")


def explode_deps(text: str) -> list[str]:
    """The names in a dependency list, constraints in parentheses left out, in order."""
    return [match[1] for match in _DEPENDENCY.finditer(text or "")]


def explode_dep_versions2(text: str, *, sort: bool = True) -> dict[str, list[str]]:
    """``"a (>= 1) b"`` → ``{"a": [">= 1"], "b": []}``; several constraints of one name are collected."""
    found: dict[str, list[str]] = {}
    for match in _DEPENDENCY.finditer(text or ""):
        name, constraint = match.group(1), match.group(2)
        constraints = found.setdefault(name, [])
        if constraint is not None and constraint.strip():
            body = constraint.strip()
            relation = next((item for item in _RELATIONS if body.startswith(item)), None)
            if relation is None:
                raise VersionStringException(f"Invalid version constraint in dependency {name} ({body})")
            value = f"{relation} {body[len(relation) :].strip()}"
            if value not in constraints:
                constraints.append(value)
    return dict(sorted(found.items())) if sort else found


def explode_dep_versions(text: str) -> dict[str, str | None]:
    """As explode_dep_versions2, for lists with at most one constraint a name."""
    result: dict[str, str | None] = {}
    for name, constraints in explode_dep_versions2(text).items():
        if len(constraints) > 1:
            raise ValueError(f"duplicate item in dependency string {text!r}")
        result[name] = constraints[0] if constraints else None
    return result


def join_deps(dependencies: Mapping[str, Iterable[str] | str | None], commasep: bool = True) -> str:
    """The opposite of explode_dep_versions2."""
    words = []
    for name, constraints in dependencies.items():
        if not constraints:
            words.append(name)
        elif isinstance(constraints, str):
            words.append(f"{name} ({constraints})")
        else:
            words.extend(f"{name} ({constraint})" for constraint in constraints)
    return (", " if commasep else " ").join(words)
