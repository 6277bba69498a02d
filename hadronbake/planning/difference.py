"""What makes two records, targets or builds different: the model, and how it is said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hadronbake.planning.why import Cause, cause_lines

_SHOWN = 20


@dataclass(frozen=True)
class Side:
    """One of the two. ``name``: what the user called it; ``label``: the task, or empty for a whole build; ``taskhash``: empty where it
    isn't known (yet). ``facts``: what is known beside what the hash covers, e.g. who made it."""

    name: str
    label: str = ""
    taskhash: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.label:
            return self.name
        taskhash = f"taskhash {self.taskhash[:12]}" if self.taskhash else "its hash isn't known yet"
        return f"{self.label} ({self.name}; {taskhash})" if self.name != self.label else f"{self.label} ({taskhash})"


@dataclass(frozen=True)
class Tally:
    """Of two builds: how many tasks are ``same``; the labels of those that are not, and of those that only one has."""

    same: int
    changed: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """``causes``: the first ones, see :mod:`why`. ``output``: what differs in the files: path, kind ("added", "removed", "changed"), and
    how it changed, for people; None where the two outputs aren't both at hand."""

    first: Side
    second: Side
    causes: tuple[Cause, ...]
    output: tuple[tuple[str, str, str], ...] | None = None
    tally: Tally | None = None

    @property
    def facts(self) -> dict[str, tuple[str | None, str | None]]:
        """Those that differ, of two records."""
        first, second = self.first.facts, self.second.facts
        if not first or not second:
            return {}
        names = list(dict.fromkeys([*first, *second]))
        return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}


def render(difference: Difference) -> str:
    """The text for a person, without a final newline."""
    first, second = difference.first, difference.second
    lines = [f"first:  {first}", f"second: {second}"]
    if difference.tally is not None:
        lines += _tally_lines(difference.tally)
    lines += _causes(difference)
    if difference.output is not None and (first.taskhash != second.taskhash or difference.output):
        lines += _output(difference.output)
    facts = {name: pair for name, pair in difference.facts.items() if name != "output"}
    if facts:
        lines.append("beside what the hash covers:")
        lines += [f"  {name}: {old or 'none'} → {new or 'none'}" for name, (old, new) in facts.items()]
    return "\n".join(lines)


def _tally_lines(tally: Tally) -> list[str]:
    lines = [f"{tally.same} tasks are the same, {len(tally.changed)} are not"]
    for labels, which in ((tally.only_first, "first"), (tally.only_second, "second")):
        if labels:
            rest = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
            lines.append(f"only the {which} has {', '.join(labels[:_SHOWN])}{rest}")
    return lines


def _causes(difference: Difference) -> list[str]:
    first, second = difference.first.taskhash, difference.second.taskhash
    if difference.causes:
        return ["they differ, because", *cause_lines(difference.causes)]
    if difference.tally is not None:
        return []
    if first and second and first != second:
        return ["their recorded inputs are the same; what made the hashes different isn't in the records"]
    return ["their inputs are the same"]


def _output(changes: tuple[tuple[str, str, str], ...]) -> list[str]:
    if not changes:
        return ["their outputs are the same"]
    paths = len({path for path, _, _ in changes})
    lines = [f"their outputs differ in {paths} path{'s' if paths > 1 else ''}:"]
    lines += [f"  {kind:7} {path}{f' ({how})' if how else ''}" for path, kind, how in changes[:_SHOWN]]
    if len(changes) > _SHOWN:
        lines.append(f"  and {len(changes) - _SHOWN} more")
    return lines
