"""Looks up a target in the remotes of a build directory and takes what its build would: python take.py TOPDIR TARGET

Twice, each time with an empty store: with the graph's records in one bundle, and by levels. Prints JSON: seconds and requests of looking
up and of all, bytes. The recipes are read before the clock runs.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from hadronbake.cli.build import origin_of
from hadronbake.cli.opening import open_workspace
from hadronbake.execution.build import BuildRequest, Origin, graph_hash, make_graph, settle
from hadronbake.planning.graph import TaskGraph
from hadronbake.planning.plan import Plan
from hadronbake.remotes.opening import open_store


def take(origin: Origin, tasks: TaskGraph, bundle: bool) -> dict[str, Any]:
    name = f"{origin.variable('SSTATE_DIR')}-{'bundle' if bundle else 'levels'}"
    store = open_store(lambda variable: name if variable == "SSTATE_DIR" else origin.variable(variable))
    plan = Plan(tasks, lambda pn: {})
    began = time.monotonic()
    if bundle:
        store.expect(graph_hash(tasks))
    settle(plan, store)
    lookup, requests = time.monotonic() - began, store.usage().requests
    store.fetch([plan.record[job.label].tree for job in plan.jobs()])
    seconds = time.monotonic() - began
    usage = store.usage()
    store.close()
    for text in store.take_notices():
        print(text, file=sys.stderr)
    return {
        "lookup": lookup,
        "lookup_requests": requests,
        "seconds": seconds,
        "requests": usage.requests,
        "bytes": usage.received_bytes,
        "trees": usage.trees,
    }


def main(topdir: Path, target: str) -> None:
    origin = origin_of(open_workspace(topdir, quiet=True))
    tasks = make_graph(BuildRequest((target,)), origin)
    print(json.dumps({"bundle": take(origin, tasks, True), "levels": take(origin, tasks, False)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
