"""What shared state knows of a target now, without running anything."""

from __future__ import annotations

from collections.abc import Sequence

from hadronbake.artifacts.record import Record
from hadronbake.artifacts.store import Store
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.build import BuildRequest, Origin, graph_hash, make_graph, open_store, settle
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


def graph_outputs(targets: Sequence[str], origin: Origin, store: Store) -> tuple[str, list[Record], list[str]]:
    """Of all that these targets are made from: the hash of the graph, the records that ``store`` finds, and the labels of the
    outputs that it doesn't."""
    tasks = make_graph(BuildRequest(tuple(targets)), origin)
    plan = Plan(tasks, lambda pn: {})
    store.expect(graph_hash(tasks))
    settle(plan, store)
    missing = [node.label for node in tasks.nodes.values() if node.recorded and node.label not in plan.record]
    return graph_hash(tasks), list(plan.record.values()), missing
