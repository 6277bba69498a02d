"""The plan: which tasks are known to shared state, which must run, and in what order. Pure; it is made while it runs.

A task's hash is known once the unihashes of its dependencies are. Whoever drives the plan

* calls :meth:`Plan.queries` and :meth:`Plan.answer` until there is nothing more to look up,
* takes new jobs from :meth:`Plan.jobs`,
* says what became of them with :meth:`Plan.finished` or :meth:`Plan.lost` (of a job that failed nothing need be said),

and begins anew. Evaluation goes from the leaves up as far as records reach; what must run comes from the targets down.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from hadronbake.artifacts.record import Record
from hadronbake.planning.graph import Node, TaskGraph
from hadronbake.planning.hashes import taskhash

Action = Literal["run", "restore", "deploy"]
Stamps = Mapping[str, str | None]
"""Task name → the taskhash it was done with in the work directory; None for one that began and didn't end."""


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do. ``after``: keys of jobs that must have succeeded. ``lock``: jobs of one lock go one at a time."""

    key: str
    label: str
    action: Action
    after: frozenset[str] = frozenset()
    lock: str | None = None


class Plan:
    """``stamps(pn)`` says what the recipe's work directory holds. ``forced``: labels of tasks that run in any case.
    ``eager``: whether a task was never built before, so that its sources are fetched though its hash isn't known yet."""

    def __init__(
        self,
        graph: TaskGraph,
        stamps: Callable[[str], Stamps],
        forced: Collection[str] = (),
        eager: Callable[[str], bool] = lambda label: False,
    ) -> None:
        self.graph = graph
        self.taskhash: dict[str, str] = {}
        self.unihash: dict[str, str] = {}
        self.record: dict[str, Record] = {}
        self.taint: dict[str, str] = {}
        self.found: set[str] = set()
        self.ran: set[str] = set()
        self.wipe: set[str] = set()
        """Recipes whose work directory must be emptied before their next job."""
        self._stamps = stamps
        self._eager = eager
        self._workdirs: dict[str, dict[str, str]] = {}
        self._dependents = graph.dependents()
        self._waiting = {label: len(node.deps) for label, node in graph.nodes.items()}
        self._ready = [label for label in graph.order if not self._waiting[label]]
        self._asked: set[str] = set()
        self._issued: dict[str, Job] = {}
        self._done: set[str] = set()
        self._forced_down: set[str] = set()
        self._recorded: defaultdict[str, list[str]] = defaultdict(list)
        # What is the same in two configurations is made by one of them; the other waits for it.
        self._makers: dict[tuple[str, str], str] = {}
        self._twins: defaultdict[str, set[str]] = defaultdict(set)
        for label in graph.order:
            node = graph.nodes[label]
            if node.recorded:
                self._recorded[node.pn].append(label)
            if label in forced or node.task.nostamp:
                self.taint[label] = secrets.token_hex(16)
            if label in forced or any(dep in self._forced_down for dep in node.own):
                self._forced_down.add(label)

    # --- hashes, from the leaves up ---------------------------------------------------------------------------------

    def queries(self) -> dict[str, str]:
        """Label → taskhash of the recorded tasks that must be looked up now, all that can be at once."""
        asked: dict[str, str] = {}
        while self._ready:
            label = self._ready.pop()
            node = self.graph.nodes[label]
            task = node.task
            value = taskhash(
                task.basehash,
                task.files,
                ((node.relative(dep), self.unihash[dep]) for dep in node.deps),
                self.taint.get(label, ""),
            )
            self.taskhash[label] = value
            if node.recorded and label not in self.taint:
                asked[label] = value
                self._asked.add(label)
            elif not node.recorded:
                self._settle(label, value)
        return asked

    def answer(self, records: Mapping[str, Record]) -> None:
        """The records (by taskhash) for all that :meth:`queries` gave last."""
        for label in sorted(self._asked):
            record = records.get(self.taskhash[label])
            if record is not None:
                self.found.add(label)
                self.record[label] = record
                self._settle(label, record.unihash)
        self._asked.clear()

    def _settle(self, label: str, unihash: str) -> None:
        self.unihash[label] = unihash
        for other in self._dependents[label]:
            self._waiting[other] -= 1
            if not self._waiting[other]:
                self._ready.append(other)

    # --- what must be done, from the targets down -------------------------------------------------------------------

    def jobs(self) -> list[Job]:
        """Jobs that weren't given before."""
        before = set(self._issued)
        seen: set[str] = set()
        learned: set[str] = set()
        for target in self.graph.targets:
            self._need(target, seen, learned)
        return [job for key, job in self._issued.items() if key not in before]

    def _need(self, start: str, seen: set[str], learned: set[str]) -> None:
        """The task's result shall be there: a record, or for a work task its work in the work directory."""
        stack = [start]
        while stack:
            label = stack.pop()
            if label in seen:
                continue
            seen.add(label)
            node = self.graph.nodes[label]
            if node.task.noexec:
                stack.extend(node.deps)
                continue
            if label not in self.taskhash:
                self._learn(label, learned)
            elif not node.recorded or label not in self.record:
                self._run(label)
            if node.recorded:
                # What the user sees of this task's dependencies, e.g. the kernel beside the image.
                stack.extend(dep for dep in node.deps if self.graph.nodes[dep].task.deploy)
            if node.task.deploy and label in self.record:
                self._issue(Job(f"{label}+deploy", label, "deploy"))

    def _learn(self, label: str, visited: set[str]) -> None:
        """The hash isn't known: run what has to be run for it to be known. ``visited``: what this was done for already."""
        stack = [label]
        while stack:
            current = stack.pop()
            if current in visited:
                continue
            visited.add(current)
            node = self.graph.nodes[current]
            if current in self.taskhash:
                if node.recorded and current not in self.record:
                    self._run(current)
            else:
                stack.extend(dep for dep in node.deps if dep not in self.unihash)
                if node.recorded and self._eager(current):
                    self._fetch(node)

    def _fetch(self, node: Node) -> None:
        stack, visited = list(node.own), set(node.own)
        while stack:
            label = stack.pop()
            other = self.graph.nodes[label]
            if label in self.taskhash and other.task.builtin and not other.recorded:
                self._run(label)
            elif not other.recorded:
                stack.extend(dep for dep in other.own if dep not in visited)
                visited.update(other.own)

    def _run(self, label: str) -> frozenset[str]:
        """Issues the job that runs the task, and all that must be done before; its key, if it isn't done."""
        # Depth is bounded by the tasks of one recipe and by chains of lost trees, so recursion does.
        node = self.graph.nodes[label]
        if label in self._issued:
            return frozenset() if label in self._done else frozenset((label,))
        if not node.recorded and label in self.taskhash and self._in_workdir(node):
            return frozenset()
        if (maker := self._maker(node)) is not None:
            return frozenset((maker,))
        after: set[str] = set()
        for dep in node.deps:
            after |= self._before(node, dep)
        self._issue(Job(label, label, "run", frozenset(after), node.pn))
        return frozenset((label,))

    def _maker(self, node: Node) -> str | None:
        """The task of another configuration whose job, not done yet, makes just what this task would make."""
        if not node.recorded or node.label not in self.taskhash or node.label in self.taint:
            return None
        maker = self._makers.setdefault((node.shared_label, self.taskhash[node.label]), node.label)
        if maker == node.label:
            return None
        if maker not in self._issued or maker in self._done:
            self._makers[node.shared_label, self.taskhash[node.label]] = node.label
            return None
        self._twins[maker].add(node.label)
        return maker

    def _before(self, node: Node, dep: str) -> frozenset[str]:
        other = self.graph.nodes[dep]
        if other.task.noexec:
            return frozenset[str]().union(*(self._before(node, inner) for inner in other.deps))
        if other.recorded and dep in self.record:
            if other.pn != node.pn or self._in_workdir(other):
                return frozenset()
            key = f"{dep}+restore"
            self._issue(Job(key, dep, "restore", frozenset(), other.pn))
            return frozenset() if key in self._done else frozenset((key,))
        keys = self._run(dep)
        if keys and dep not in keys and other.recorded and other.pn == node.pn:
            key = f"{dep}+restore"
            self._issue(Job(key, dep, "restore", keys, other.pn))
            return frozenset((key,))
        return keys

    def _issue(self, job: Job) -> None:
        self._issued.setdefault(job.key, job)

    def _in_workdir(self, node: Node) -> bool:
        return self._contents(node.pn).get(node.task.name) == self.taskhash[node.label]

    def _contents(self, pn: str) -> dict[str, str]:
        """What of the work directory may be kept. A recorded task begins with emptied outputs, so it can be done again over what
        is there; a work task that didn't end, or was another one, left who knows what: nothing is kept."""
        if pn not in self._workdirs:
            kept: dict[str, str] = {}
            for task, value in self._stamps(pn).items():
                label = f"{pn}:{task}"
                if label in self._forced_down:
                    continue
                if value is None or self.taskhash.get(label) != value:
                    if label in self.graph.nodes and self.graph.nodes[label].recorded:
                        continue
                    self.wipe.add(pn)
                    kept = {}
                    break
                kept[task] = value
            self._workdirs[pn] = kept
        return self._workdirs[pn]

    # --- what became of it ------------------------------------------------------------------------------------------

    def finished(self, key: str, record: Record | None = None) -> None:
        """The job succeeded. ``record``: what a recorded task that ran left in shared state."""
        job = self._issued[key]
        node = self.graph.nodes[job.label]
        self._done.add(key)
        if job.action == "deploy":
            return
        self._workdirs.setdefault(node.pn, {})[node.task.name] = self.taskhash[job.label]
        if job.action == "run":
            self.ran.add(job.label)
            if record is not None:
                for label in (job.label, *sorted(self._twins.pop(job.label, ()))):
                    self.record[label] = record
                    if label not in self.unihash:
                        self._settle(label, record.unihash)

    def lost(self, key: str, label: str) -> None:
        """The job can't be done because the tree of ``label`` isn't in the store any more: that task must run again."""
        # What waits for the job will be given again: for other jobs.
        stale = {key}
        while more := {other.key for other in self._issued.values() if other.after & stale} - stale:
            stale |= more
        for other in stale:
            self._issued.pop(other, None)
        self.record.pop(label, None)
        self.found.discard(label)
        for other in (label, f"{label}+restore", f"{label}+deploy"):
            if other in self._done:
                self._done.discard(other)
                self._issued.pop(other)

    def forget_workdir(self, pn: str) -> None:
        """The work directory was deleted."""
        self._workdirs[pn] = {}
        self.wipe.discard(pn)
        for key in [key for key, job in self._issued.items() if job.lock == pn and key in self._done]:
            node = self.graph.nodes[self._issued[key].label]
            if key.endswith("+restore") or not node.recorded:
                del self._issued[key]
                self._done.discard(key)

    def complete(self, pn: str) -> bool:
        """Whether nothing more can be wanted of the recipe's work directory: all its recorded tasks have records."""
        if any(job.lock == pn and key not in self._done for key, job in self._issued.items()):
            return False
        labels = self._recorded[pn]
        return bool(labels) and all(label in self.record for label in labels)

    def unknown(self) -> list[str]:
        """Tasks whose hash can't be known before others have run, in the graph's order."""
        return [label for label in self.graph.order if label not in self.taskhash]

    def progress(self) -> tuple[int, int]:
        """How many of the recorded tasks are known or done, and how many there are."""
        return len(self.record), sum(map(len, self._recorded.values()))
