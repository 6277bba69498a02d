"""Drives plan and scheduler: an event loop in the program's first thread, blocking work in threads, tasks in sandboxes.

All sandboxes are started from the loop's thread, which lives as long as the program; so when hbake is killed they end too.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from hadronbake.artifacts.record import RecordedInput
from hadronbake.artifacts.store import MissingBlob, Store
from hadronbake.diagnostics import Diagnostic, HadronbakeError, engine_failure, render
from hadronbake.execution.history import History
from hadronbake.execution.jobserver import Jobserver
from hadronbake.execution.lock import lock_file
from hadronbake.execution.process import Ending, Process
from hadronbake.execution.resources import hold_reason
from hadronbake.execution.sandbox import command
from hadronbake.execution.scheduler import (
    Added,
    Command,
    Drop,
    Ended,
    Held,
    Offered,
    Outcome,
    Queued,
    Scheduler,
    Start,
    Stopped,
    priorities,
)
from hadronbake.execution.scheduler import Kind as JobKind
from hadronbake.execution.stall import Stall, activity, waiting
from hadronbake.execution.worker import Order, Worker, tail
from hadronbake.metadata.recipe import Recipe, RecipeInputs, TaskPayload
from hadronbake.planning.graph import Node
from hadronbake.planning.hashes import recorded_inputs
from hadronbake.planning.plan import Job, Plan
from hadronbake.reporting import events

P = ParamSpec("P")
T = TypeVar("T")

_HOLD_SECONDS = 2.0
_WATCH_SECONDS = 60.0
# MiB; a task that fails then has most likely failed for it.
_LITTLE_SPACE = 64
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Metadata(Protocol):
    """What the engine asks of the recipes while it builds; called from one thread."""

    def payload(self, recipe: str, task: str) -> TaskPayload: ...

    def inputs(self, recipe: str) -> RecipeInputs: ...

    def at_source(self, recipe: str, item: Diagnostic) -> Diagnostic: ...


Builtin = Callable[[TaskPayload, Path, Path, Callable[[str], None]], None]
"""Does what the payload says, outside of the sandbox, in the work directory (second argument), and writes the log (third);
says what it is at by the fourth, which raises to end it. Raises HadronbakeError."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``tasks``: how many at once. ``keep``: recipes whose work directories stay."""

    tasks: int
    fetches: int = 4
    keep_going: bool = False
    stall_seconds: float = 1800.0
    remove_work: bool = True
    keep: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tally:
    """What became of the build so far. ``ran``: label → seconds of wall and of CPU."""

    ran: dict[str, tuple[float, float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    restored: int = 0
    interrupted: bool = False


class TaskFailure(Exception):
    """The task itself failed; its log says why."""


class Interrupted(Exception):
    """Raised in a fetch that must end because the build was stopped."""


class Engine:
    """One build. ``recipes`` by id."""

    def __init__(
        self,
        plan: Plan,
        recipes: Mapping[str, Recipe],
        metadata: Metadata,
        store: Store,
        worker: Worker,
        jobserver: Jobserver,
        history: History,
        builtins: Mapping[str, Builtin],
        settings: Settings,
        reporter: events.Reporter,
    ) -> None:
        self.plan = plan
        self.tally = Tally()
        self._recipes = recipes
        self._metadata = metadata
        self._store = store
        self._worker = worker
        self._jobserver = jobserver
        self._history = history
        self._builtins = builtins
        self._settings = settings
        self._report = reporter.handle
        self._scheduler = Scheduler(
            {"task": settings.tasks, "fetch": settings.fetches, "store": 2}, settings.keep_going
        )
        self._priorities = priorities(plan.graph.order, plan.graph.dependents(), history.durations())
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._removals: dict[str, asyncio.Task[None]] = {}
        self._tokens = 0
        self._advancing = 0
        self._watching = False
        self._held_since = 0.0
        # Recipes are evaluated in one thread: that changes the process's environment for as long as it takes.
        self._evaluation = ThreadPoolExecutor(1, "metadata")
        self._threads = ThreadPoolExecutor(settings.tasks + settings.fetches + 4, "job")

    def run(self) -> Tally:
        """Builds until nothing more can be done. Call from the program's first thread."""
        asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._looking = asyncio.Lock()
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._interrupt)
        try:
            await self._advance()
            while True:
                self._hold()
                self._offer()
                if self._scheduler.idle and not self._advancing:
                    break
                await self._wake.wait()
                self._wake.clear()
        finally:
            for process in self._processes.values():
                process.kill()
            await asyncio.gather(*self._tasks, *self._removals.values(), return_exceptions=True)
            self._unwatch()
            for number in _SIGNALS:
                self._loop.remove_signal_handler(number)
            self._threads.shutdown(cancel_futures=True)
            self._evaluation.shutdown(cancel_futures=True)

    # --- plan and scheduler -----------------------------------------------------------------------------------------

    async def _advance(self) -> None:
        """Takes the plan as far as it goes, and gives the scheduler what is new. Shared state may be far away, so it is asked
        in a thread; while one asks, the plan has open questions, and nobody else may go on with it."""
        self._advancing += 1
        try:
            async with self._looking:
                while queries := self.plan.queries():
                    self.plan.answer(await self._thread(self._store.records, queries.values()))
                jobs = self.plan.jobs()
        finally:
            self._advancing -= 1
        for text in self._store.take_notices():
            self._report(events.Message("warning", text))
        for job in jobs:
            self._jobs[job.key] = job
        known, total = self.plan.progress()
        self._report(events.Progress(known, total, len(self.plan.found)))
        self._obey(self._scheduler.handle(Added(tuple(self._queued(job) for job in jobs))))

    def _queued(self, job: Job) -> Queued:
        kind: JobKind = "task"
        if job.action != "run":
            kind = "store"
        elif self.plan.graph.nodes[job.label].task.builtin == "fetch":
            kind = "fetch"
        return Queued(job.key, kind, job.after, job.lock, self._priorities[job.label])

    def _obey(self, commands: list[Command]) -> None:
        for item in commands:
            if isinstance(item, Drop):
                if self.tally.interrupted:
                    continue
                label = self._jobs[item.key].label
                self.tally.dropped[label] = self._jobs[item.because].label
                self._report(events.TaskDropped(label, self._jobs[item.because].label))
            else:
                task = self._loop.create_task(self._execute(self._jobs[item.key]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _offer(self) -> None:
        """Gets the scheduler the tokens it can use; what isn't there now is waited for."""
        if not self._tokens:
            self._jobserver.refill()
        wanted = self._scheduler.demand
        got = 0
        while got < wanted and self._jobserver.acquire():
            got += 1
        if got:
            started = self._scheduler.handle(Offered(got))
            used = sum(isinstance(item, Start) for item in started)
            self._jobserver.release(got - used)
            self._tokens += used
            self._obey(started)
        if got < wanted and not self._watching:
            self._watching = True
            self._loop.add_reader(self._jobserver.descriptor, self._token_returned)

    def _token_returned(self) -> None:
        self._unwatch()
        self._wake.set()

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_reader(self._jobserver.descriptor)

    def _hold(self) -> None:
        now = time.monotonic()
        if now - self._held_since < _HOLD_SECONDS:
            return
        self._held_since = now
        reason = hold_reason()
        self._obey(self._scheduler.handle(Held(reason)))
        if reason is not None:
            self._loop.call_later(_HOLD_SECONDS, self._wake.set)

    def _interrupt(self) -> None:
        """The first time all sandboxes end and the build is brought to an end in order; the second time at once."""
        for process in self._processes.values():
            process.kill()
        if self.tally.interrupted:
            os._exit(130)
        self.tally.interrupted = True
        self._scheduler.handle(Stopped())
        self._report(events.Message("warning", "stopping; once more to stop at once"))
        self._wake.set()

    # --- jobs -------------------------------------------------------------------------------------------------------

    async def _execute(self, job: Job) -> None:
        outcome: Outcome = "failed"
        try:
            removal = self._removals.get(job.lock or "")
            if removal is not None:
                await removal
            lost = [label for label in self._uses(job) if label not in self.plan.record]
            if lost:
                # Another job found that out, since this one was issued.
                for label in lost:
                    self.plan.lost(job.key, label)
                outcome = "again"
            else:
                await (self._run_task(job) if job.action == "run" else self._place(job))
                outcome = "done"
        except MissingBlob as error:
            outcome = await self._missing(job, error)
        except (TaskFailure, Interrupted):
            self._failed(job, "")
        except HadronbakeError as error:
            recipe = self.plan.graph.nodes[job.label].recipe
            found = [await self._evaluate(self._metadata.at_source, recipe, item) for item in error.diagnostics]
            self._failed(job, "\n\n".join(render(item) for item in found))
        except OSError as error:
            self._failed(job, str(system_error(error)))
        except Exception as error:
            self._failed(job, render(engine_failure(error, f"doing {job.label}", self._worker.topdir)))
        if self._is_task(job):
            self._tokens -= 1
            self._jobserver.release()
        self._obey(self._scheduler.handle(Ended(job.key, outcome)))
        if outcome == "again" or (outcome == "done" and job.label in self.plan.record):
            await self._advance()
        self._tidy(job)
        self._wake.set()

    def _is_task(self, job: Job) -> bool:
        return self._queued(job).kind == "task"

    async def _run_task(self, job: Job) -> None:
        node = self.plan.graph.nodes[job.label]
        payload = await self._evaluate(self._metadata.payload, node.recipe, node.task.name)
        order = self._order(job)
        log = self._worker.log_path(node)
        self._report(events.TaskStarted(job.label, str(log), time.time()))
        if node.task.builtin is not None:
            ending = await self._thread(self._builtin_task, order, payload)
        else:
            prepared = await self._thread(self._worker.prepare, order, payload)
            if self.tally.interrupted:
                raise Interrupted
            argv = command(prepared.spec, prepared.argv)
            process = Process(argv, prepared.log, lock_file(self._worker.topdir), (self._jobserver.inherited,))
            self._processes[job.key] = process
            watch = self._loop.create_task(self._watch(process, prepared.log))
            try:
                ending = await process.wait()
            finally:
                del self._processes[job.key]
                hung = await watch if watch.done() else ""
                watch.cancel()
            if self.tally.interrupted:
                raise Interrupted
            if hung:
                raise HadronbakeError.of("HBE023", hung, node.task.location)
            # Those of a failed task stay, for `hbake shell`.
            if ending.status != 0:
                raise TaskFailure
            await self._thread(self._worker.trees.release, prepared.places)
        inputs: tuple[RecordedInput, ...] = ()
        if node.recorded:
            inputs = await self._evaluate(self.inputs_of, job.label)
        record = await self._thread(self._worker.capture, order, inputs, ending)
        self.plan.finished(job.key, record)
        self.tally.ran[job.label] = (ending.wall, ending.cpu)
        self._history.ran(job.label, ending.wall, ending.cpu)
        same = record is not None and record.unihash != record.taskhash
        self._report(events.TaskFinished(job.label, "run", ending.wall, ending.cpu, same))

    async def _watch(self, process: Process, log: Path) -> str:
        """Ends a process that hangs, and says what it waited for."""
        limit = self._settings.stall_seconds
        stall = Stall(limit, time.monotonic())
        while True:
            await asyncio.sleep(min(limit / 4, _WATCH_SECONDS))
            if stall.sample(await self._thread(activity, process.pid, log), time.monotonic()):
                waits = await self._thread(waiting, process.pid)
                process.kill()
                return f"the task did nothing for {limit / 60:.0f} minutes and was ended; it waited for {waits}"

    async def _place(self, job: Job) -> None:
        node = self.plan.graph.nodes[job.label]
        tree = self.plan.record[job.label].tree
        began = time.monotonic()
        if job.action == "deploy":
            placed = await self._thread(self._worker.deploy, node, tree)
        else:
            await self._thread(self._worker.restore, self._order(job), tree)
            placed = True
        self.plan.finished(job.key)
        if placed:
            self.tally.restored += 1
            self._report(events.TaskFinished(job.label, job.action, time.monotonic() - began, 0.0))

    def _order(self, job: Job) -> Order:
        node = self.plan.graph.nodes[job.label]
        records = self.plan.record
        nodes = self.plan.graph.nodes
        recipe = self._recipes[node.recipe]
        wipe = node.pn in self.plan.wipe
        self.plan.wipe.discard(node.pn)
        return Order(
            node=node,
            # A kernel is for the target, but makes tools that run here, of the host's libraries.
            kind="native" if recipe.variables.get("HB_HOST_HEADERS") == "1" else recipe.kind,
            taskhash=self.plan.taskhash[job.label],
            sysroot={nodes[label].pn: records[label].tree for label in node.sysroot if nodes[label].recorded},
            inputs={_input_path(node, label): records[label].tree for label in node.inputs},
            wipe=wipe,
        )

    def _builtin_task(self, order: Order, payload: TaskPayload) -> Ending:
        label = order.node.label
        began = time.monotonic()
        log = self._worker.begin(order)

        def say(text: str) -> None:
            if self.tally.interrupted:
                raise Interrupted
            self._loop.call_soon_threadsafe(self._report, events.TaskProgress(label, text))

        run = self._builtins[order.node.task.builtin or ""]
        run(payload, self._worker.work(order.node.pn).path, log, say)
        return Ending(0, time.monotonic() - began, 0.0)

    async def _missing(self, job: Job, error: MissingBlob) -> Outcome:
        """A tree went from the store, or is damaged: the tasks that make it run again, and then this job."""
        trees = {label: self.plan.record[label].tree for label in self._uses(job) if label in self.plan.record}
        lost = await self._thread(self._worker.lost, trees)
        if not lost:
            self._failed(job, str(error))
            return "failed"
        for label in lost:
            if self._worker.never_came(trees[label]):
                said = events.Message("note", f"the output of {label} didn't come from a remote: it is made here")
            else:
                said = events.Message("warning", f"the output of {label} isn't whole in shared state: it is made again")
            self._report(said)
            self.plan.lost(job.key, label)
        return "again"

    def _uses(self, job: Job) -> list[str]:
        """The tasks whose outputs the job needs."""
        node = self.plan.graph.nodes[job.label]
        if job.action != "run":
            return [job.label]
        return [label for label in (*node.sysroot, *node.inputs) if self.plan.graph.nodes[label].recorded]

    def _failed(self, job: Job, message: str) -> None:
        if self.tally.interrupted:
            return
        node = self.plan.graph.nodes[job.label]
        self.tally.failed.append(job.label)
        log = self._worker.log_path(node)
        shown = tail(log) if job.action == "run" else ()
        free = shutil.disk_usage(self._worker.topdir).free >> 20
        if not message and free < _LITTLE_SPACE:
            message = f"only {free} MiB are left on the disk of {self._worker.topdir}"
        self._report(events.TaskFailed(job.label, str(log), shown, f"hbake shell {job.label}", message))

    def _tidy(self, job: Job) -> None:
        """Deletes the work directory once nothing more is wanted of it."""
        pn = job.lock
        settings = self._settings
        if pn is None or not settings.remove_work or pn in settings.keep or self._scheduler.stopped:
            return
        if self.plan.complete(pn):
            self.plan.forget_workdir(pn)
            removal = self._loop.create_task(self._thread(self._worker.work(pn).remove))
            self._removals[pn] = removal

    def inputs_of(self, label: str) -> tuple[RecordedInput, ...]:
        """What the record of a task tells: all that its hash covers, and that of the tasks before it that have no record."""
        found = list(present_inputs(self.plan, self._metadata, label))
        for other in without_record(self.plan, label):
            own = present_inputs(self.plan, self._metadata, other)
            found += [item.model_copy(update={"task": other}) for item in own]
        return tuple(found)

    def _evaluate(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Awaitable[T]:
        return self._loop.run_in_executor(self._evaluation, partial(function, *arguments, **named))

    async def _thread(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        return await self._loop.run_in_executor(self._threads, partial(function, *arguments, **named))


def _input_path(node: Node, label: str) -> str:
    """Where below ``/hb/inputs`` a task sees the tree of another: PN/task, in other configurations mc/NAME/PN/task."""
    return node.relative(label).replace("mc::", "mc:default:").replace(":", "/")


_MENDED = {
    errno.ENOSPC: "make room; `hbake cache gc --size 10G` deletes from shared state what was used longest ago",
    errno.EDQUOT: "make room; `hbake cache gc --size 10G` deletes from shared state what was used longest ago",
    errno.EIO: "the disk, or what it is connected by, fails; nothing half written is used",
    errno.EROFS: "the build directory, SSTATE_DIR and DL_DIR must be writable",
    errno.EACCES: "the build directory, SSTATE_DIR and DL_DIR must be writable",
}


def system_error(error: OSError) -> HadronbakeError:
    """What the operating system refused, e.g. because the disk is full."""
    place = f": {error.filename}" if error.filename else ""
    return HadronbakeError.of("HBE020", f"{error.strerror or error}{place}", hint=_MENDED.get(error.errno or 0))


def without_record(plan: Plan, label: str) -> list[str]:
    """The tasks before a task, as far as those that have records, sorted."""
    nodes = plan.graph.nodes
    found: set[str] = set()
    stack = [label]
    while stack:
        for dep in nodes[stack.pop()].deps:
            if not nodes[dep].recorded and dep not in found:
                found.add(dep)
                stack.append(dep)
    return sorted(found)


def present_inputs(plan: Plan, metadata: Metadata, label: str) -> tuple[RecordedInput, ...]:
    """What a task's hash is made of now; the value of a dependency whose unihash isn't known yet is empty."""
    node = plan.graph.nodes[label]
    dependencies = {dep: plan.unihash.get(dep, "") for dep in node.deps}
    return recorded_inputs(node.task, metadata.inputs(node.recipe), dependencies, plan.taint.get(label, ""))
