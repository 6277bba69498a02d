"""One build, from a request to its result: graph, plan, hosttools, job server, engine, history."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hadronbake.artifacts.collection import collect, store_bytes
from hadronbake.artifacts.quota import parse_size, show_size
from hadronbake.artifacts.store import Store
from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.execution import builds, fetch, hosttools, sandbox, signing
from hadronbake.execution.engine import Engine, Settings, Tally, present_inputs, system_error
from hadronbake.execution.history import History
from hadronbake.execution.jobserver import Jobserver
from hadronbake.execution.lock import build_lock
from hadronbake.execution.process import end_orphans
from hadronbake.execution.workdir import REMOVED, WorkDirectory, sweep
from hadronbake.execution.worker import Worker
from hadronbake.metadata.recipe import Recipe, RecipeInputs, TaskPayload
from hadronbake.planning import graph
from hadronbake.planning.plan import Plan
from hadronbake.remotes import opening
from hadronbake.remotes.store import SharedStore
from hadronbake.reporting import events


@dataclass(frozen=True, slots=True)
class Origin:
    """What a build asks of the metadata. ``build_time`` and ``run_time``: the id of the recipe that provides a name, or an
    error; ``assumed``: names that the host provides; ``variable`` and ``flags``: a variable of the base configuration;
    ``others``: the names of the further configurations, whose recipes are among ``recipes`` too; ``place``: where a recipe names what
    it depends on; ``at_source``: a finding about a source at its place in the recipe."""

    recipes: Mapping[str, Recipe]
    build_time: Callable[[str], str | None]
    run_time: Callable[[str], str | None]
    assumed: Collection[str]
    variable: Callable[[str], str | None]
    payload: Callable[[str, str], TaskPayload]
    inputs: Callable[[str], RecipeInputs]
    flags: Callable[[str], Mapping[str, str] | None]
    others: Mapping[str, graph.Names] = field(default_factory=dict)
    place: graph.Place = graph.nowhere
    at_source: Callable[[str, Diagnostic], Diagnostic] = lambda recipe, item: item


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """``task``: for targets that name none. ``force``: the named tasks run in any case; all tasks of a target's recipe, where
    no task is named."""

    targets: tuple[str, ...]
    task: str | None = None
    force: bool = False
    keep_going: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class BuildResult:
    """``ran``, ``found``, ``failed``: labels of tasks; ``dropped``: label → the failed task because of which it wasn't done.
    ``would_run`` and ``unknown`` are those of a dry run: what must run, and what can't be known before that has run.
    ``outputs``: label → outhash of all recorded tasks that were come to."""

    ok: bool
    ran: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    restored: int = 0
    failed: tuple[str, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False
    would_run: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    wall: float = 0.0
    cpu: float = 0.0
    outputs: Mapping[str, str] = field(default_factory=dict)


def build(request: BuildRequest, origin: Origin, reporter: events.Reporter) -> BuildResult:
    """Builds. Call from the program's first thread. Raises HadronbakeError for what is wrong before anything runs; what goes
    wrong later is reported, and is in the result."""
    began = time.monotonic()
    topdir = _path(origin, "TOPDIR")
    tasks = make_graph(request, origin)
    forced = _forced(request, tasks) if request.force else frozenset()
    store = open_store(origin)
    store.expect(graph_hash(tasks))
    quota = parse_size(origin.variable("HB_CACHE_SIZE") or "", "HB_CACHE_SIZE")
    if request.dry_run:
        plan = Plan(tasks, lambda pn: WorkDirectory(topdir, pn).stamps(), forced)
        settle(plan, store)
        tell(store, reporter)
        would_run = tuple(job.label for job in plan.jobs() if job.action == "run")
        unknown = tuple(label for label in plan.unknown() if not tasks.nodes[label].task.noexec)
        return BuildResult(True, found=tuple(sorted(plan.found)), would_run=would_run, unknown=unknown)
    with build_lock(topdir):
        end_orphans(topdir / "work")
        history = History(topdir)
        plan = Plan(
            tasks, lambda pn: WorkDirectory(topdir, pn).stamps(), forced, lambda label: history.last(label) is None
        )
        with store.building(topdir) as used:
            try:
                tally = _run(request, origin, plan, store, topdir, history, reporter)
            except OSError as error:
                raise system_error(error) from error
            ok = not tally.failed and not tally.interrupted
            if ok:
                used.succeeded()
        try:
            _remember(plan, origin, history, tally, ok)
            wall = time.monotonic() - began
            builds.keep(topdir, builds.made(request.targets, plan, time.time() - wall, wall, ok, len(tally.ran)))
        except OSError as error:
            reporter.handle(events.Message("warning", f"the history isn't kept: {error}"))
        if ok and tally.ran:
            _collect(store, quota, reporter)
    finish(store, plan, ok, tally.interrupted, reporter)
    result = BuildResult(
        ok=ok,
        ran=tuple(tally.ran),
        found=tuple(sorted(plan.found)),
        restored=tally.restored,
        failed=tuple(tally.failed),
        dropped=tally.dropped,
        interrupted=tally.interrupted,
        wall=time.monotonic() - began,
        cpu=sum(cpu for _, cpu in tally.ran.values()),
        outputs={label: record.outhash for label, record in sorted(plan.record.items())},
    )
    reporter.handle(
        events.Finished(
            result.ok,
            len(result.ran),
            len(result.found),
            result.restored,
            result.failed,
            len(result.dropped),
            result.wall,
            result.cpu,
            len(os.sched_getaffinity(0)),
            result.interrupted,
        )
    )
    return result


def make_graph(request: BuildRequest, origin: Origin) -> graph.TaskGraph:
    """The task graph of a request. Raises HadronbakeError."""
    task = graph.task_name(request.task or origin.variable("BB_DEFAULT_TASK") or "build")
    return graph.build(
        origin.recipes,
        origin.build_time,
        origin.run_time,
        request.targets,
        task,
        origin.assumed,
        origin.others,
        origin.place,
    )


def open_store(origin: Origin) -> SharedStore:
    """The shared state of the configuration. Raises HadronbakeError for what is wrong with its settings."""
    return opening.open_store(origin.variable)


def graph_hash(tasks: graph.TaskGraph) -> str:
    """What is known of a graph before anything is looked up: equal for two machines that build the same from the same metadata."""
    state = hashlib.sha256()
    for label in sorted(tasks.nodes):
        node = tasks.nodes[label]
        files = [[file.label, file.digest] for file in node.task.files]
        state.update(json.dumps([label, node.task.basehash, files, sorted(node.deps)]).encode())
    return state.hexdigest()


def finish(store: SharedStore, plan: Plan, ok: bool, interrupted: bool, reporter: events.Reporter) -> None:
    """Waits for what is still on its way to remotes, and says what they did."""
    if not store.remotes:
        return
    if not interrupted:
        if store.waiting:
            reporter.handle(events.Message("note", f"sending {store.waiting} outputs to remotes"))
        store.flush()
        if ok and store.usage().sent:
            store.send_bundle(graph_hash(plan.graph), [record.taskhash for record in plan.record.values()])
    usage = store.usage()
    store.close()
    tell(store, reporter)
    if usage.requests:
        reporter.handle(events.Remotes(**asdict(usage)))


def tell(store: Store, reporter: events.Reporter) -> None:
    """What shared state has to say to the user."""
    for text in store.take_notices():
        reporter.handle(events.Message("warning", text))


def settle(plan: Plan, store: Store) -> None:
    """Looks up all that can be looked up before anything runs."""
    while queries := plan.queries():
        plan.answer(store.records(queries.values()))


def jobs_of(text: str) -> int | None:
    """The number in make's ``-j N``, ``-jN``, ``--jobs=N``."""
    match = re.search(r"(?:^|\s)(?:-j|--jobs[= ])\s*(\d+)", text)
    return int(match[1]) if match and int(match[1]) > 0 else None


def _run(
    request: BuildRequest,
    origin: Origin,
    plan: Plan,
    store: Store,
    topdir: Path,
    history: History,
    reporter: events.Reporter,
) -> Tally:
    threads = int(origin.variable("BB_NUMBER_THREADS") or 0) or len(os.sched_getaffinity(0))
    tokens = jobs_of(origin.variable("PARALLEL_MAKE") or "") or threads
    problem = sandbox.probe()
    if problem is not None:
        raise HadronbakeError(problem)
    tools = hosttools.make(
        topdir / "hosttools",
        (origin.variable("HOSTTOOLS") or "").split(),
        (origin.variable("HOSTTOOLS_NONFATAL") or "").split(),
        [*hosttools.SYSTEM, *os.environ.get("PATH", os.defpath).split(os.pathsep)],
    )
    downloads = _path(origin, "DL_DIR")
    jobserver = Jobserver(topdir / "cache" / "jobserver", tokens)
    try:
        worker = Worker(topdir, store, tools, downloads, jobserver.path, jobserver.environment())
        worker.trees.clean()
        sweep(topdir / "work" / REMOVED)
        named = {plan.graph.nodes[label].pn for label in plan.graph.targets if not plan.graph.nodes[label].task.noexec}
        engine = Engine(
            plan,
            origin.recipes,
            origin,
            store,
            worker,
            jobserver,
            history,
            {"fetch": fetch.fetcher(downloads, origin.flags("DEBSRC") or {}), "sign": signing.sign},
            Settings(
                tasks=threads,
                keep_going=request.keep_going,
                remove_work=(origin.variable("RM_WORK") or "1") == "1",
                keep=frozenset(named),
            ),
            reporter,
        )
        tally = engine.run()
    finally:
        jobserver.close()
    return tally


def _remember(plan: Plan, origin: Origin, history: History, tally: Tally, ok: bool) -> None:
    """What the next ``why`` compares with: after a failure only of what was come to."""
    for label in plan.graph.order:
        if label in plan.unihash and (ok or label in plan.record or label in tally.ran):
            state = plan.taskhash[label], plan.unihash[label]
            if history.is_new(label, *state):
                history.remember(label, *state, present_inputs(plan, origin, label))
    history.save()


def _collect(store: Store, quota: int | None, reporter: events.Reporter) -> None:
    """Brings shared state below its quota, where it is above."""
    try:
        if quota is None or store_bytes(store) <= quota:
            return
        report = collect(store, quota)
    except (OSError, HadronbakeError) as error:
        reporter.handle(events.Message("warning", f"shared state wasn't collected: {error}"))
        return
    said = f"shared state was more than {show_size(quota)}: {len(report.evicted)} records deleted, {show_size(report.after)} are left"
    if report.over:
        said += "; what build directories use is itself more (HB_CACHE_SIZE allows more)"
    reporter.handle(events.Message("warning" if report.over else "note", said))


def _forced(request: BuildRequest, tasks: graph.TaskGraph) -> frozenset[str]:
    found: set[str] = set()
    for label in tasks.targets:
        node = tasks.nodes[label]
        if request.task is None and node.task.noexec:
            found.update(other.label for other in tasks.nodes.values() if other.pn == node.pn)
        else:
            found.add(label)
    return frozenset(found)


def _path(origin: Origin, name: str) -> Path:
    value = origin.variable(name)
    if not value:
        raise HadronbakeError.of("HBE002", f"{name} has no value", hint=f"set {name} in conf/local.conf")
    return Path(value).absolute()
