"""What shared state knows of a target now, without running anything."""

from __future__ import annotations

from hadronbake.artifacts.record import Record
from hadronbake.artifacts.store import Store
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.build import BuildRequest, Origin, make_graph, open_store, settle
from hadronbake.planning.plan import Plan


def settled(target: str, origin: Origin) -> tuple[Store, Plan]:
    """The plan of one target, with all that can be looked up before anything runs."""
    store = open_store(origin)
    plan = Plan(make_graph(BuildRequest((target,)), origin), lambda pn: {})
    settle(plan, store)
    return store, plan


def known_outputs(target: str, origin: Origin) -> tuple[Store, list[Record]]:
    """The records of a task, or of all tasks of a recipe that have outputs. Raises HBE030 where one isn't in shared state."""
    store, plan = settled(target, origin)
    nodes = plan.graph.nodes
    label = plan.graph.targets[0]
    wanted = [label]
    if nodes[label].task.noexec:
        wanted = [other.label for other in nodes.values() if other.pn == nodes[label].pn and other.recorded]
    missing = [other for other in wanted if other not in plan.record]
    if missing or not wanted:
        what = ", ".join(missing) or target
        if missing and not nodes[missing[0]].recorded:
            raise HadronbakeError.of(
                "HBE031", f"{what} has no outputs that shared state keeps", hint="name a task with [sstate-inputdirs]"
            )
        raise HadronbakeError.of(
            "HBE030", f"{what}: the output isn't in shared state", hint=f"build it: hbake {target}"
        )
    return store, [plan.record[other] for other in wanted]
