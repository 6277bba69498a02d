"""Recipes in memory, and a store that is a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hadronbake.artifacts.record import Digest, Record
from hadronbake.metadata.recipe import Recipe, Task
from hadronbake.planning.graph import TaskGraph, build
from hadronbake.planning.plan import Plan

NOTHING = Digest(hash="0" * 64, size=0)


def task(name: str, **values: Any) -> Task:
    values.setdefault("basehash", f"base {name}")
    return Task(name=name, **values)


def recipe(pn: str, *tasks: Task, **values: Any) -> Recipe:
    plain: dict[str, Any] = {
        "id": f"/{pn}.bb",
        "file": f"/{pn}.bb",
        "variant": "",
        "layer": "toy",
        "kind": "target",
        "pn": pn,
        "pe": "",
        "pv": "1",
        "pr": "r0",
        "default_preference": 0,
        "layer_priority": 1,
        "provides": (pn,),
        "depends": (),
        "packages": (pn,),
        "packages_dynamic": (),
        "rprovides": {},
        "rdepends": {},
        "rrecommends": {},
        "tasks": {item.name: item for item in tasks},
    }
    return Recipe(**{**plain, **values})


def graph(recipes: Iterable[Recipe], *targets: str, assumed: tuple[str, ...] = ()) -> TaskGraph:
    there = {item.id: item for item in recipes}
    names = {name: item.id for item in there.values() for name in item.provides}
    packages = {name: item.id for item in there.values() for name in item.packages}
    return build(there, names.get, packages.get, targets, assumed=assumed)


def library(pn: str, base: str = "1", depends: tuple[str, ...] = (), **values: Any) -> Recipe:
    """Compile (work), install and sysroot (recorded), build (noexec). ``base`` is what its compilation depends on."""
    return recipe(
        pn,
        task("do_compile", basehash=f"{pn} compile {base}", sysroot_depends=depends),
        task("do_install", basehash=f"{pn} install", parents=("do_compile",), outputs=("image",)),
        task("do_populate_sysroot", basehash=f"{pn} sysroot", parents=("do_install",), outputs=("sysroot-destdir",)),
        task("do_build", basehash=f"{pn} build", parents=("do_populate_sysroot",), noexec=True),
        depends=depends,
        **values,
    )


class World:
    """Runs plans in order, without sandboxes. ``outputs`` says what a task makes; by default what its taskhash is.

    It checks what must hold of every plan: no job starts before those it waits for, none is given twice.
    """

    def __init__(self, outputs: Mapping[str, str] | None = None) -> None:
        self.records: dict[str, Record] = {}
        self.stamps: dict[str, dict[str, str | None]] = {}
        self.outputs = dict(outputs or {})
        self.asked: list[set[str]] = []

    def plan(self, tasks: TaskGraph, **options: Any) -> Plan:
        return Plan(tasks, lambda pn: dict(self.stamps.get(pn, {})), **options)

    def settle(self, plan: Plan) -> None:
        while queries := plan.queries():
            self.asked.append(set(queries))
            plan.answer({value: self.records[value] for value in queries.values() if value in self.records})

    def run(self, plan: Plan, fail: tuple[str, ...] = ()) -> list[str]:
        """The keys of what was done, in order."""
        self.settle(plan)
        waiting = plan.jobs()
        done: list[str] = []
        while ready := [job for job in waiting if job.after <= set(done) and job.label not in fail]:
            job = ready[0]
            waiting.remove(job)
            assert job.key not in done
            done.append(job.key)
            plan.finished(job.key, self.work(plan, job.label) if job.action == "run" else None)
            self.settle(plan)
            waiting += plan.jobs()
        return done

    def work(self, plan: Plan, label: str) -> Record | None:
        node = plan.graph.nodes[label]
        value = plan.taskhash[label]
        if node.pn in plan.wipe:
            self.stamps[node.pn] = {}
            plan.wipe.discard(node.pn)
        for dep in node.own:
            other = plan.graph.nodes[dep]
            if not other.recorded and not other.task.noexec:
                assert self.stamps[node.pn][other.task.name] == plan.taskhash[dep], f"{dep} isn't in the work directory"
        self.stamps.setdefault(node.pn, {})[node.task.name] = value
        if not node.recorded:
            return None
        out = self.outputs.get(label, value)
        same = [item for item in self.records.values() if (item.task, item.outhash) == (label, out)]
        record = Record(
            taskhash=value,
            task=label,
            outhash=out,
            unihash=same[0].unihash if same else value,
            tree=NOTHING,
            inputs=NOTHING,
        )
        self.records.setdefault(value, record)
        return record
