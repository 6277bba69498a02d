"""``hbake why``: why a task isn't what it was, and whether shared state has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadronbake.artifacts.record import Record, RecordedInput
from hadronbake.execution.build import Origin
from hadronbake.execution.engine import present_inputs
from hadronbake.execution.history import History
from hadronbake.execution.lookup import settled
from hadronbake.execution.recorded import Recorded
from hadronbake.planning import why
from hadronbake.planning.hashes import recorded_inputs
from hadronbake.planning.plan import Plan


@dataclass(frozen=True)
class Explanation:
    """``past``: nothing has changed since the last build, and ``causes`` are those of the last change that was built. ``cut``: the same,
    but ``causes`` are those for which tasks before it aren't what they were, whose outputs are.
    ``taskhash``: empty where it isn't known before ``waits`` have run. ``record``: what shared state has of the task; ``recorded``:
    whether it keeps such tasks at all."""

    label: str
    causes: tuple[why.Cause, ...]
    past: bool
    taskhash: str
    record: Record | None
    recorded: bool
    cut: bool = False
    waits: tuple[str, ...] = ()


def explain(target: str, origin: Origin) -> Explanation:
    """Compares with the last build of this build directory; what this one doesn't know, with the record of the task that is the newest
    on this machine. Raises HadronbakeError."""
    store, plan = settled(target, origin)
    topdir = Path(origin.variable("TOPDIR") or "").absolute()
    nodes = plan.graph.nodes
    history = History(topdir)
    recorded = Recorded([store], history)

    def present(label: str, value: str) -> Sequence[RecordedInput] | None:
        return present_inputs(plan, origin, label) if label in nodes else None

    def previous(label: str, value: str) -> Sequence[RecordedInput] | None:
        known: Sequence[RecordedInput] | None = history.inputs(label)
        node = nodes.get(label)
        if known is not None or node is None:
            return known
        if node.task.noexec:
            # A task that only gathers others is as new as they are, though no build had this very one for its target.
            last = {dep: history.last(dep) for dep in node.deps}
            there = {dep: state.unihash if state else "never" for dep, state in last.items()}
            return recorded_inputs(node.task, origin.inputs(node.recipe), there)
        known = recorded.inputs(label, value)
        if known is None and (told := recorded.newest(label)) is not None:
            known = recorded.inputs(label, told.record.taskhash)
        return known

    label = plan.graph.targets[0]
    taskhash = plan.taskhash.get(label, "")
    start = (label, "")
    causes = why.compare([(start, start)], previous, present, "new")
    cut = False
    if not causes:
        causes = why.compare(_cut_off(plan, history), previous, present, "new")
        cut = bool(causes)
    past = not causes and history.before(label) is not None
    if past:
        causes = why.causes(label, history.before, history.inputs)
    return Explanation(
        label, tuple(causes), past, taskhash, plan.record.get(label), nodes[label].recorded, cut, _waits(plan, label)
    )


def _cut_off(plan: Plan, history: History) -> list[tuple[why.Point, why.Point]]:
    """The tasks of the graph that are other ones than in the last build, but known to have the same output; the last ones first."""
    found: list[tuple[why.Point, why.Point]] = []
    for label in reversed(plan.graph.order):
        last = history.last(label)
        if last is None or not last.taskhash or label not in plan.unihash:
            continue
        if plan.unihash[label] == last.unihash and plan.taskhash[label] != last.taskhash:
            found.append(((label, last.taskhash), (label, plan.taskhash[label])))
    return found


def _waits(plan: Plan, label: str) -> tuple[str, ...]:
    """The tasks that must run before the task's hash is known: those that have a hash of their own, but nothing in shared state."""
    found: set[str] = set()
    seen: set[str] = set()
    stack = [label]
    while stack:
        current = stack.pop()
        if current in seen or current in plan.unihash:
            continue
        seen.add(current)
        if current in plan.taskhash and current != label:
            found.add(current)
        else:
            stack.extend(plan.graph.nodes[current].deps)
    return tuple(sorted(found))


def state_lines(explanation: Explanation) -> list[str]:
    """Whether shared state has the task, in words."""
    label, record = explanation.label, explanation.record
    if not explanation.recorded:
        return []
    if record is not None:
        return [
            f"{label} is in shared state: record {record.taskhash[:12]}, made by {record.builder or 'an unknown machine'}"
        ]
    if explanation.taskhash:
        return [f"{label} isn't in shared state: nothing is recorded under its hash {explanation.taskhash[:12]}"]
    shown = ", ".join(explanation.waits[:3])
    more = f" and {len(explanation.waits) - 3} more" if len(explanation.waits) > 3 else ""
    return [f"{label} isn't known to be in shared state: its hash depends on what {shown}{more} will make"]
