"""Two records of the same file → what differs, by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from records import File, Target


@dataclass(frozen=True)
class Difference:
    """``kind``: "value", "raw", "flag", "only", "tasks", "needs", "text", "ignored", "variants", "skipped", "layer", "error",
    "provider", "files". ``name``: the variable (``V[f]`` for a flag), or what else differs. ``left`` is BitBake's, ``right`` ours."""

    kind: str
    name: str
    file: str
    variant: str
    left: object
    right: object


ABSENT = "(absent)"


def of_files(path: str, left: File, right: File, ignored: frozenset[str] = frozenset()) -> Iterator[Difference]:
    """What differs between the parses of one recipe file. ``ignored``: BB_BASEHASH_IGNORE_VARS of the configuration."""
    if left.error or right.error:
        if not (left.error and right.error):
            yield Difference("error", path, path, "", left.error, right.error)
        return
    for kind in ("appends", "layer", "priority"):
        mine, theirs = getattr(left, kind), getattr(right, kind)
        if mine != theirs:
            yield Difference("layer", kind, path, "", mine, theirs)
    if set(left.targets) != set(right.targets):
        yield Difference("variants", path, path, "", sorted(left.targets), sorted(right.targets))
    for variant in left.targets.keys() & right.targets.keys():
        yield from of_targets(path, variant, left.targets[variant], right.targets[variant], ignored)


def of_targets(
    path: str, variant: str, left: Target, right: Target, ignored: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """What differs between the two datastores of one variant."""

    def found(kind: str, name: str, mine: object, theirs: object) -> Difference:
        return Difference(kind, name, path, variant, mine, theirs)

    if left.skipped or right.skipped:
        if left.skipped != right.skipped:
            yield found("skipped", variant, left.skipped, right.skipped)
        return
    for name in sorted({*left.variables, *right.variables}):
        mine, theirs = left.variables.get(name), right.variables.get(name)
        if mine is None or theirs is None:
            yield found("only", name, mine[0] if mine else ABSENT, theirs[0] if theirs else ABSENT)
            continue
        if mine[0] != theirs[0]:
            yield found("value", name, mine[0], theirs[0])
        elif mine[1] != theirs[1]:
            yield found("raw", name, mine[1], theirs[1])
        for flag, one, other in _entries(mine[2], theirs[2]):
            yield found("flag", f"{name}[{flag}]", one, other)
    if left.tasks != right.tasks:
        yield found("tasks", "tasks", left.tasks, right.tasks)
    own = ignored_by(left) - ignored if left.needs else frozenset[str]()
    for name in sorted(own & left.needs.keys()):
        yield found("ignored", name, left.needs[name], ABSENT)
    needs = _without(left.needs, own, left.tasks) if own & left.needs.keys() else left.needs
    for name, one, other in _entries(needs, right.needs):
        if one is ABSENT or other is ABSENT:
            yield found("needs", name, one, other)
        else:
            yield found("needs", name, sorted(set(one) - set(other)), sorted(set(other) - set(one)))
    for name, one, other in _entries(left.texts, right.texts):
        if name in needs and name in right.needs:
            yield found("text", name, one, other)


def ignored_by(target: Target) -> frozenset[str]:
    """The variables that never count for hashes."""
    value = target.variables.get("BB_BASEHASH_IGNORE_VARS")
    return frozenset(str(value[0]).split()) if value else frozenset()


def _without(
    needs: Mapping[str, tuple[str, ...]], names: frozenset[str], tasks: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """What is left of the dependencies if ``names`` are none: all that the tasks still reach."""
    found: dict[str, tuple[str, ...]] = {}
    waiting = [task for task in tasks if task in needs]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = tuple(item for item in needs[name] if item not in names)
            waiting.extend(found[name])
    return found


def of_providers(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
    """Where another recipe is taken for a name."""
    for kind in ("build", "run"):
        for name, one, other in _entries(left[kind], right[kind]):
            yield Difference("provider", f"{kind}:{name}", "", "", one, other)


def _entries(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The keys whose values differ, with these."""
    for name in sorted({*left, *right}):
        one, other = left.get(name, ABSENT), right.get(name, ABSENT)
        if one != other:
            yield name, one, other
