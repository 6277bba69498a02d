"""Why a task's hash is not what it was: the inputs of last time beside those of now, followed down to the first causes. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hadronbake.artifacts.record import RecordedInput
from hadronbake.diagnostics import Location

Kind = Literal["variable", "file", "task", "engine", "output", "new"]
_LONG = 100


@dataclass(frozen=True)
class Cause:
    """One difference at the root. ``task``: the label of the task whose input it is; ``path``: the labels from the asked task
    down to it. ``old`` or ``new`` is None where the input wasn't or isn't there.

    ``kind`` "output": the inputs of ``task`` are the same but its output isn't; "new": it has not been built here before.
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


def causes(label: str, previous: Inputs, present: Inputs) -> list[Cause]:
    """The first causes of a change of ``label``, nearest first; none where nothing changed. Each is given once, with the
    shortest path to it. A dependency's value in ``present`` may be empty: its hash isn't known yet."""
    found: list[Cause] = []
    seen = {label}
    queue: list[tuple[str, ...]] = [(label,)]
    while queue:
        path = queue.pop(0)
        task = path[-1]
        before, now = previous(task), present(task)
        if before is None or now is None:
            found.append(Cause(task, path, "new"))
            continue
        differences, changed = _compare(task, path, before, now)
        found.extend(differences)
        for dep in changed:
            if dep not in seen:
                seen.add(dep)
                queue.append((*path, dep))
        if not differences and not changed and len(path) > 1:
            found.append(Cause(task, path, "output"))
    return _once(found)


def _compare(
    task: str, path: tuple[str, ...], before: Sequence[RecordedInput], now: Sequence[RecordedInput]
) -> tuple[list[Cause], list[str]]:
    """The causes of this task's own, and the labels of dependencies that changed."""
    old, new = _by_key(before), _by_key(now)
    found: list[Cause] = []
    changed: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        kind, name = key
        was, is_ = old.get(key), new.get(key)
        if was is not None and is_ is not None:
            if was.value == is_.value:
                continue
            if kind == "task":
                changed.append(name)
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


def _by_key(inputs: Iterable[RecordedInput]) -> Mapping[tuple[str, str], RecordedInput]:
    return {(item.kind, item.name): item for item in inputs}


def _once(found: list[Cause]) -> list[Cause]:
    """A variable that several tasks of a recipe read, changed in the same way, is one cause."""
    seen: set[tuple[str, str, str, str | None, str | None]] = set()
    result = []
    for cause in found:
        owner = cause.task.rpartition(":")[0] if cause.kind in ("variable", "file", "engine") else cause.task
        key = (owner, cause.kind, cause.name, cause.old, cause.new)
        if key not in seen:
            seen.add(key)
            result.append(cause)
    return result


def render(label: str, found: Sequence[Cause], past: bool = False) -> str:
    """The text for a person, without a final newline. ``past``: the change has been built."""
    if not found:
        return f"{label}: nothing changed since the last build"
    lines = [f"{label} has changed, because"]
    if past:
        lines = [f"{label}: nothing changed since the last build; it had changed before, because"]
    for cause in found:
        where = f" ({cause.location})" if cause.location is not None else ""
        if cause.kind == "new":
            lines.append(f"  {cause.task} has not been built here before")
        elif cause.kind == "output":
            lines.append(f"  the output of {cause.task} is another one, though its inputs are the same")
        elif cause.kind == "task":
            verb = "waits for a further task" if cause.old is None else "no longer waits for"
            lines.append(f"  {cause.task} {verb} {cause.name}")
        elif cause.kind == "engine" and cause.name == "forced":
            lines.append(f"  {cause.task} was forced to run, or always runs")
        else:
            what = {"file": "file", "engine": "step"}.get(cause.kind, "variable")
            lines.append(f"  {what} {cause.name} of {cause.task} {_verb(cause)}{where}")
            lines.extend(f"    {line}" for line in _difference(cause))
        if len(cause.path) > 1:
            lines.append("    by way of " + " ← ".join(cause.path))
    return "\n".join(lines)


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
