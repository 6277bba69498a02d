"""``hbake diff``: two records, targets or builds, and the first causes of what is different between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hadronbake.artifacts import comparison as files
from hadronbake.artifacts.checkout import read
from hadronbake.artifacts.comparison import Read
from hadronbake.artifacts.record import Digest, RecordedInput
from hadronbake.artifacts.signing import SHOWN
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution import builds
from hadronbake.execution.build import Origin
from hadronbake.execution.engine import present_inputs
from hadronbake.execution.lookup import settled
from hadronbake.execution.recorded import HASH, Recorded, Told
from hadronbake.planning.difference import Difference, Side, Tally
from hadronbake.planning.graph import task_name
from hadronbake.planning.why import Cause, Lookup, compare

_ENDING = ".json.gz"


@dataclass(frozen=True)
class _Operand:
    """``tasks``: label → taskhash and unihash of a build; ``lookup``: the inputs of what it depends on."""

    side: Side
    lookup: Lookup
    record: Told | None = None
    tasks: Mapping[str, tuple[str, str]] | None = None


def is_target(operand: str) -> bool:
    """Whether the operand is a target, for which the recipes must be read; else it is a record or a build."""
    return not (operand.startswith("@") or operand.endswith(_ENDING) or HASH.fullmatch(operand))


def difference(first: str, second: str, recorded: Recorded, topdir: Path, origin: Callable[[], Origin]) -> Difference:
    """Each of the two is the beginning of a taskhash (8 digits or more), RECIPE or RECIPE:TASK as it is now, or a build: ``@NUMBER``,
    ``@-1`` for the last one, or the path of a file of ``cache/builds``, maybe of another machine. With one build and one
    other, the build's task of the same name is meant. Raises HadronbakeError."""
    one, other = (None if is_target(text) else _open(text, recorded, topdir) for text in (first, second))
    if one is None:
        one = _target(first, other, recorded, origin())
    if other is None:
        other = _target(second, one, recorded, origin())
    if one.tasks is not None and other.tasks is not None:
        return _of_builds(one, other)
    if one.tasks is not None:
        one = _task_of(one, other.side.label, recorded)
    if other.tasks is not None:
        other = _task_of(other, one.side.label, recorded)
    causes: list[Cause] = []
    points = (one.side.label, one.side.taskhash), (other.side.label, other.side.taskhash)
    if points[0] != points[1] or not one.side.taskhash:
        causes = compare([points], one.lookup, other.lookup)
    return Difference(one.side, other.side, tuple(causes), _outputs(one.record, other.record))


def _open(text: str, recorded: Recorded, topdir: Path) -> _Operand:
    if HASH.fullmatch(text):
        told = recorded.begins(text)
        side = Side(f"record {told.record.taskhash[:12]}", told.record.task, told.record.taskhash, facts(told))
        return _Operand(side, recorded.inputs, told)
    build = builds.named(topdir, text[1:]) if text.startswith("@") else builds.read(Path(text))
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(build.began))
    state = "" if build.ok else ", which failed"
    side = Side(f"build @{build.number} of {began}, {' '.join(build.targets)}{state}")

    def lookup(label: str, value: str) -> Sequence[RecordedInput] | None:
        return recorded.inputs(label, value, build.tasks)

    return _Operand(side, lookup, tasks=build.tasks)


def _target(text: str, other: _Operand | None, recorded: Recorded, origin: Origin) -> _Operand:
    if ":" not in text and other is not None and other.side.label:
        text = f"{text}:{other.side.label.rpartition(':')[2]}"
    _, plan = settled(text, origin)
    label = plan.graph.targets[0]

    def lookup(wanted: str, value: str) -> Sequence[RecordedInput] | None:
        return present_inputs(plan, origin, wanted) if wanted in plan.graph.nodes else None

    taskhash = plan.taskhash.get(label, "")
    told = recorded.find(taskhash) if taskhash and plan.graph.nodes[label].recorded else None
    return _Operand(Side("as it is now", label, taskhash, facts(told) if told else {}), lookup, told)


def _task_of(build: _Operand, label: str, recorded: Recorded) -> _Operand:
    tasks = build.tasks or {}
    if label not in tasks:
        raise HadronbakeError.of(
            "HBE044",
            f"{build.side.name.partition(',')[0]} has no task {label}",
            hint=f"name a task: {label.partition(':')[0]}:{task_name('install')}, for example",
        )
    taskhash, unihash = tasks[label]
    told = recorded.find(taskhash)
    if told is None and unihash != taskhash:
        told = recorded.find(unihash)
    side = replace(build.side, label=label, taskhash=taskhash, facts=facts(told) if told else {})
    return replace(build, side=side, record=told, tasks=None)


def _of_builds(one: _Operand, other: _Operand) -> Difference:
    first, second = one.tasks or {}, other.tasks or {}
    both = sorted(first.keys() & second.keys())
    changed = [label for label in both if first[label] != second[label]]
    roots = [
        ((label, first[label][1]), (label, second[label][1]))
        for label in changed
        if first[label][0] != second[label][0]
    ]
    # What a record tells of the tasks before it must be known before these are asked for.
    for before, after in roots:
        one.lookup(*before)
        other.lookup(*after)
    causes = compare(roots, one.lookup, other.lookup)
    causes += [
        Cause(label, (label,), "output", "", first[label][1], second[label][1])
        for label in changed
        if first[label][0] == second[label][0] and first[label][1] and second[label][1]
    ]
    tally = Tally(
        len(both) - len(changed),
        tuple(changed),
        tuple(sorted(first.keys() - second.keys())),
        tuple(sorted(second.keys() - first.keys())),
    )
    return Difference(one.side, other.side, tuple(causes), tally=tally)


def facts(told: Told) -> dict[str, str]:
    """What a record says of itself beside its hash."""
    record = told.record
    found = {"output": record.outhash, "builder": record.builder, "sandbox policy": record.sandbox_policy}
    found["signed by"] = f"key {told.key[:SHOWN]}…" if told.key else "nobody"
    found.update({f"tool {name}": version for name, version in sorted(record.tools.items())})
    return found


def _outputs(first: Told | None, second: Told | None) -> tuple[tuple[str, str, str], ...] | None:
    if first is None or second is None:
        return None
    if first.record.outhash == second.record.outhash:
        return ()

    def side(told: Told) -> tuple[Digest, Read]:
        return told.record.tree, lambda digest: read(told.store.cas, digest)

    try:
        found = sorted(files.compare(side(first), side(second)), key=lambda item: item.path)
    except HadronbakeError:
        return None
    return tuple(
        (item.path, _KINDS[item.aspect], "")
        if item.aspect in _KINDS
        else (item.path, "changed", f"{item.aspect}: {item.first} → {item.second}")
        for item in found
    )


_KINDS = {"only in first": "removed", "only in second": "added"}
