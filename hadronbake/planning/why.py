"""Why a task's hash is not what it was: the inputs of last time beside those of now, followed down to the first causes. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hadronbake.artifacts.record import RecordedInput
from hadronbake.diagnostics import Location

Kind = Literal["variable", "file", "task", "engine", "output", "new", "unknown"]
_LONG = 100


@dataclass(frozen=True)
class Cause:
    """One difference at the root. ``task``: the label of the task whose input it is; ``path``: the labels from the asked task
    down to it. ``old`` or ``new`` is None where the input wasn't or isn't there.

    ``kind`` "output": the inputs of ``task`` are the same but its output isn't; "new": it has not been built here before;
    "unknown": of one of two, named by ``old`` or ``new``, the inputs can't be had.
    """

    task: str
    path: tuple[str, ...]
    kind: Kind
    name: str = ""
    old: str | None = None
    new: str | None = None
    location: Location | None = None


Inputs = Callable[[str], Sequence[RecordedInput] | None]
"""The inputs of a task by label; None where they aren't known (never built; no such task any more)."""

Point = tuple[str, str]
"""A task at one time: its label, and the hash that its dependents know it by (its unihash; empty where that isn't known yet)."""

Lookup = Callable[[str, str], Sequence[RecordedInput] | None]
"""The inputs of a :data:`Point`; None where they can't be had."""


def causes(label: str, previous: Inputs, present: Inputs) -> list[Cause]:
    """The first causes of a change of ``label``, nearest first; none where nothing changed. Each is given once, with the
    shortest path to it. A dependency's value in ``present`` may be empty: its hash isn't known yet."""
    start = (label, "")
    return compare([(start, start)], lambda task, _: previous(task), lambda task, _: present(task), "new")


def compare(roots: Iterable[tuple[Point, Point]], old: Lookup, new: Lookup, lacking: Kind = "unknown") -> list[Cause]:
    """The first causes for which the second of each pair isn't the first, as :func:`causes` gives them. ``lacking``: the kind of
    those where inputs can't be had.

    The two may be tasks of different recipes: what each needs of its own recipe then stands for what the other needs of its."""
    found: list[Cause] = []
    queue: list[tuple[tuple[str, ...], Point, Point]] = [((after[0],), before, after) for before, after in roots]
    seen = {(before, after) for _, before, after in queue}
    for path, before, after in queue:
        was, now = old(*before), new(*after)
        if was is None or now is None:
            values = (None, None) if lacking == "new" else (before[1], after[1])
            found.append(Cause(after[0], path, lacking, "first" if was is None else "second", *values))
            continue
        differences, changed = _compare(path, (before[0], was), (after[0], now))
        found.extend(differences)
        for pair in changed:
            if pair not in seen:
                seen.add(pair)
                queue.append(((*path, pair[1][0]), *pair))
        if not differences and not changed and len(path) > 1:
            found.append(Cause(after[0], path, "output", "", before[1] or None, after[1] or None))
    return _once(found)


Told = tuple[str, Sequence[RecordedInput]]


def _compare(path: tuple[str, ...], before: Told, after: Told) -> tuple[list[Cause], list[tuple[Point, Point]]]:
    """The causes of this task's own, and the dependencies that changed."""
    task = after[0]
    old, new = _by_key(before, task), _by_key(after, task)
    found: list[Cause] = []
    changed: list[tuple[Point, Point]] = []
    for key in sorted(old.keys() | new.keys()):
        kind, name = key
        was, is_ = old.get(key), new.get(key)
        if was is not None and is_ is not None:
            if was.value == is_.value:
                continue
            if kind == "task":
                changed.append(((was.name, was.value), (is_.name, is_.value)))
                continue
        there = is_ or was
        assert there is not None
        where = Location(there.file, there.line) if there.file else None
        found.append(
            Cause(task, path, _kind(kind), name, was.value if was else None, is_.value if is_ else None, where)
        )
    return found, changed


def _kind(kind: str) -> Kind:
    return kind if kind in ("file", "task", "engine") else "variable"  # type: ignore[return-value]


def _by_key(told: Told, other: str) -> Mapping[tuple[str, str], RecordedInput]:
    """A task's own inputs. Tasks of its own recipe are named as those of the recipe of ``other``."""
    own, recipe = told[0].rpartition(":")[0], other.rpartition(":")[0]
    found = {}
    for item in told[1]:
        if item.task:
            continue
        pn, _, task = item.name.rpartition(":")
        name = f"{recipe}:{task}" if item.kind == "task" and pn == own else item.name
        found[item.kind, name] = item
    return found


def _once(found: list[Cause]) -> list[Cause]:
    """A variable that several tasks of a recipe read, changed in the same way, is one cause; so is a task of another recipe that
    several wait for."""
    seen: set[tuple[str, str, str, str | None, str | None]] = set()
    result = []
    for cause in found:
        recipe = cause.task.rpartition(":")[0]
        other = cause.kind == "task" and cause.name.rpartition(":")[0] != recipe
        owner = recipe if other or cause.kind in ("variable", "file", "engine") else cause.task
        key = (owner, cause.kind, cause.name, cause.old, cause.new)
        if key not in seen:
            seen.add(key)
            result.append(cause)
    return result


def render(label: str, found: Sequence[Cause], past: bool = False, cut: bool = False) -> str:
    """The text for a person, without a final newline. ``past``: the change has been built. ``cut``: it makes no difference to the task."""
    if not found:
        return f"{label}: nothing changed since the last build"
    lines = [f"{label} has changed, because"]
    if past:
        lines = [f"{label}: nothing changed since the last build; it had changed before, because"]
    if cut:
        lines = [
            f"{label}: nothing changed since the last build; tasks before it changed, but not their outputs, because"
        ]
    return "\n".join([*lines, *cause_lines(found)])


def cause_lines(found: Sequence[Cause]) -> list[str]:
    """The causes in words, each with what belongs to it below."""
    lines = []
    for cause in found:
        where = f" ({cause.location})" if cause.location is not None else ""
        if cause.kind == "new":
            lines.append(f"  {cause.task} has not been built here before")
        elif cause.kind == "unknown":
            lines.append(f"  {cause.task} is another one; what its inputs were is not recorded for the {cause.name}")
            lines.append(f"    {_short(cause.old)} → {_short(cause.new)}")
        elif cause.kind == "output":
            lines.append(f"  the output of {cause.task} is another one, though its inputs are the same")
        elif cause.kind == "task":
            verb = "waits for a further task" if cause.old is None else "no longer waits for"
            lines.append(f"  {cause.task} {verb} {cause.name}{where}")
        elif cause.kind == "engine" and cause.name == "forced":
            lines.append(f"  {cause.task} was forced to run, or always runs")
        else:
            what = {"file": "file", "engine": "step"}.get(cause.kind, "variable")
            lines.append(f"  {what} {cause.name} of {cause.task} {_verb(cause)}{where}")
            lines.extend(f"    {line}" for line in _difference(cause))
        if len(cause.path) > 1:
            lines.append("    by way of " + " ← ".join(cause.path))
    return lines


def _short(value: str | None) -> str:
    return value[:12] if value else "not known yet"


def _verb(cause: Cause) -> str:
    if cause.old is None:
        return "is new"
    return "is gone" if cause.new is None else "changed"


def _difference(cause: Cause) -> list[str]:
    if cause.kind in ("file", "engine"):
        return [f"{(cause.old or 'absent')[:12]} → {(cause.new or 'absent')[:12]}"]
    old, new = cause.old or "", cause.new or ""
    if len(old) + len(new) <= _LONG and "\n" not in old + new:
        return [f"{_quoted(cause.old)} → {_quoted(cause.new)}"]
    # Values of one long line are compared by their words.
    split = str.splitlines if "\n" in old + new else str.split
    rows = difflib.unified_diff(split(old), split(new), "before", "now", lineterm="", n=1)
    return list(rows)[2:]


def _quoted(value: str | None) -> str:
    return "unset" if value is None else f'"{value}"'
