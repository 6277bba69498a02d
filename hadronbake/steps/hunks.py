"""Reading unified diffs far enough to say why a hunk doesn't apply. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Hunk:
    """``section``: which of the patch's file headers it is below, from 1. ``line``: of its own header in the patch file, from
    1. ``start``: the line it expects in the old file. ``old``: the lines it expects there; ``before`` and ``after`` say how
    many of them at the ends are context."""

    target: str
    section: int
    line: int
    header: str
    start: int
    old: tuple[str, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """Where a hunk fits best: ``line`` (from 1) in the file, and the indexes of its old lines that differ there."""

    line: int
    wrong: tuple[int, ...]


def hunks(text: str, striplevel: int) -> list[Hunk]:
    """All hunks of a patch in order; ``target`` is the name that patch(1) would take, without ``striplevel`` parts."""
    lines = text.splitlines()
    found: list[Hunk] = []
    target = ""
    section = at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            old_name, new_name = _name(line, striplevel), _name(lines[at + 1], striplevel)
            target = old_name if new_name in ("", "/dev/null") else new_name
            section += 1
            at += 2
            continue
        match = _HEADER.match(line)
        if match is None:
            at += 1
            continue
        at, hunk = _hunk(lines, at, match, target, section)
        found.append(hunk)
    return found


def _hunk(lines: Sequence[str], at: int, match: re.Match[str], target: str, section: int) -> tuple[int, Hunk]:
    first = at
    left_old, left_new = int(match[2] or 1), int(match[4] or 1)
    kinds: list[str] = []
    old: list[str] = []
    at += 1
    while at < len(lines) and (left_old > 0 or left_new > 0):
        sign, content = lines[at][:1] or " ", lines[at][1:]
        if sign == "\\":
            at += 1
            continue
        if sign not in " +-":
            break
        if sign != "+":
            old.append(content)
            left_old -= 1
        if sign != "-":
            left_new -= 1
        kinds.append(sign)
        at += 1
    text = "".join(kinds)
    return at, Hunk(
        target,
        section,
        first + 1,
        match[0],
        int(match[1]),
        tuple(old),
        len(text) - len(text.lstrip(" ")),
        len(text) - len(text.rstrip(" ")),
    )


def nearest(hunk: Hunk, lines: Sequence[str]) -> Nearest | None:
    """The place with the fewest wrong lines, the nearest to the expected one among equals; None if nothing fits at all."""
    size = len(hunk.old)
    best: tuple[int, int, int] | None = None
    for start in range(max(1, len(lines) - size + 1)):
        window = lines[start : start + size]
        wrong = sum(a != b for a, b in zip(hunk.old, window, strict=False)) + size - len(window)
        score = (wrong, abs(start + 1 - hunk.start), start)
        if best is None or score < best:
            best = score
    if best is None or best[0] >= size:
        return None
    start = best[2]
    window = lines[start : start + size]
    return Nearest(start + 1, tuple(i for i in range(size) if i >= len(window) or window[i] != hunk.old[i]))


def fuzz_needed(hunk: Hunk, lines: Sequence[str]) -> int | None:
    """The smallest fuzz with which the hunk would apply somewhere, or None."""
    for fuzz in range(4):
        head, tail = min(fuzz, hunk.before), min(fuzz, hunk.after)
        core = list(hunk.old[head : len(hunk.old) - tail])
        if any(list(lines[start : start + len(core)]) == core for start in range(len(lines) - len(core) + 1)):
            return fuzz
    return None


def _name(line: str, striplevel: int) -> str:
    name = line[4:].partition("\t")[0].strip()
    if name == "/dev/null":
        return name
    return "/".join(name.split("/")[striplevel:])
