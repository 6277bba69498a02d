"""The parts of a job that block: preparing directories and sysroots, capturing outputs, restoring and deploying trees.

Called in threads; the plan's facts a job needs are handed in, so that nothing here reads state that changes meanwhile.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hadronbake.artifacts.record import Digest, Record, RecordedInput
from hadronbake.artifacts.store import Store, Tree
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution import script
from hadronbake.execution.deploy import deploy
from hadronbake.execution.process import Ending
from hadronbake.execution.sandbox import SandboxSpec, running_engine
from hadronbake.execution.toolversions import tool_versions
from hadronbake.execution.trees import LinkedTrees
from hadronbake.execution.workdir import WorkDirectory, remove_tree
from hadronbake.metadata.recipe import RecipeKind, TaskPayload
from hadronbake.planning.graph import SYSROOT_TASK, Node

SANDBOX_POLICY = "bwrap-1"
TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class Order:
    """What a job must know of the plan. ``sysroot``: recipe → tree; ``inputs``: ``PN/task`` → tree; ``wipe``: whether the work
    directory must be emptied first."""

    node: Node
    kind: RecipeKind
    taskhash: str
    sysroot: Mapping[str, Digest]
    inputs: Mapping[str, Digest]
    wipe: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """``places``: what to give back to :class:`LinkedTrees`."""

    spec: SandboxSpec
    argv: tuple[str, ...]
    log: Path
    places: tuple[Path, ...]


class Worker:
    """``topdir``: the build directory. ``environment``: what every task gets beside the sandbox's own."""

    def __init__(
        self,
        topdir: Path,
        store: Store,
        hosttools: Path,
        downloads: Path,
        jobserver: Path | None,
        environment: Mapping[str, str],
    ) -> None:
        self.topdir = topdir
        self.store = store
        self.trees = LinkedTrees(topdir, store)
        self._hosttools = hosttools
        self._downloads = downloads
        self._jobserver = jobserver
        self._environment = dict(environment)
        self._engine = running_engine()

    def work(self, pn: str) -> WorkDirectory:
        return WorkDirectory(self.topdir, pn)

    def log_path(self, node: Node) -> Path:
        return self.topdir / "logs" / node.pn / f"{node.task.name}.log"

    def begin(self, order: Order) -> Path:
        """Makes the work directory ready and stamps the task as begun; the path of the empty log."""
        node = order.node
        work = self.work(node.pn)
        if order.wipe:
            work.remove()
        work.make()
        # What an earlier run of this very task left must not get into its output.
        if node.task.name in work.stamps():
            for output in node.task.outputs:
                remove_tree(work.path / output)
        work.began(node.task.name)
        log = self.log_path(node)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        return log

    def prepare(self, order: Order, payload: TaskPayload) -> Prepared:
        """Raises HadronbakeError (conflicting sysroots; a store that can't be written), MissingBlob."""
        self.store.check_writable()
        node = order.node
        log = self.begin(order)
        places: list[Path] = []
        # All at once: what is far away comes in one go.
        self.store.fetch([*order.sysroot.values(), *order.inputs.values()])
        try:
            sysroot = self.trees.sysroot(order.sysroot)
            places.append(sysroot)
            inputs = {}
            for name, tree in order.inputs.items():
                inputs[name] = self.trees.input(tree)
                places.append(inputs[name])
        except BaseException:
            self.trees.release(places)
            raise
        files = log.with_name(f"{node.task.name}.task")
        remove_tree(files)
        files.mkdir()
        argv = script.write(files, payload, self._engine)
        self._downloads.mkdir(parents=True, exist_ok=True)
        spec = SandboxSpec(
            work=self.work(node.pn).path,
            hosttools=self._hosttools,
            sysroot=sysroot / "sysroot",
            native=sysroot / "native",
            sources=self._downloads,
            inputs=inputs,
            jobserver=self._jobserver,
            network=node.task.network,
            kind=order.kind,
            environment=self._environment,
            extra={script.INSIDE: files},
            engine=self._engine,
        )
        # For `hbake shell`, which must not wait for the job server of a build that is gone.
        kept = spec.model_copy(update={"jobserver": None, "environment": {}})
        log.with_name(f"{node.task.name}.sandbox.json").write_text(kept.model_dump_json(indent=1))
        return Prepared(spec, tuple(argv), log, tuple(places))

    def capture(self, order: Order, inputs: Sequence[RecordedInput], ending: Ending) -> Record | None:
        """Stamps the task as done; the record of what it made, kept in shared state, if it has outputs."""
        node = order.node
        record = None
        if node.recorded:
            tree = self._put(node)
            content = json.dumps(
                [item.model_dump() for item in inputs], sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            outhash = tree.digest.hash
            record = self.store.add_record(
                Record(
                    taskhash=order.taskhash,
                    task=node.shared_label,
                    outhash=outhash,
                    unihash=self.store.equivalent(node.shared_label, outhash) or order.taskhash,
                    tree=tree.digest,
                    inputs=self.store.put_blob(content.encode()),
                    log=self.store.put_blob(self.log_path(node).read_bytes()),
                    builder=f"{platform.system()} {platform.machine()}",
                    sandbox_policy=SANDBOX_POLICY,
                    tools=tool_versions(self._hosttools),
                    finished=round(time.time(), 3),
                    wall_seconds=round(ending.wall, 3),
                    cpu_seconds=round(ending.cpu, 3),
                )
            )
        self.work(node.pn).done(node.task.name, order.taskhash)
        return record

    def restore(self, order: Order, tree: Digest) -> None:
        """Puts a recorded output back into the work directory. Raises MissingBlob."""
        node = order.node
        work = self.work(node.pn)
        if order.wipe:
            work.remove()
        work.make()
        work.began(node.task.name)
        for output in node.task.outputs:
            remove_tree(work.path / output)
        place = work.path / node.task.outputs[0] if node.task.name == SYSROOT_TASK else work.path
        place.mkdir(parents=True, exist_ok=True)
        self.store.checkout(tree, place, link=False)
        work.done(node.task.name, order.taskhash)

    def deploy(self, node: Node, tree: Digest) -> bool:
        destination = self.topdir / (node.task.deploy or "deploy")
        return deploy(self.store, node.label, tree, destination, self.topdir / "cache" / "deploy")

    def lost(self, trees: Mapping[str, Digest]) -> list[str]:
        """The labels among ``trees`` whose tree isn't whole in the store."""
        return [label for label, tree in trees.items() if not self.store.has_tree(tree)]

    def never_came(self, tree: Digest) -> bool:
        """Whether it isn't whole because it never came from where it was, rather than that something happened to it here."""
        return self.store.in_vain(tree)

    def _put(self, node: Node) -> Tree:
        base = self.work(node.pn).path
        if node.task.name != SYSROOT_TASK:
            return self.store.put_tree(base, node.task.outputs)
        # The tree of a sysroot has no directory of the recipe's above `sysroot` and `native`.
        if len(node.task.outputs) != 1:
            raise HadronbakeError.of(
                "HBE021",
                f"{node.label} must have one output directory, not {len(node.task.outputs)}",
                node.task.location,
                hint='do_populate_sysroot[sstate-inputdirs] = "${SYSROOT_DESTDIR}"',
            )
        top = base / node.task.outputs[0]
        strange = (
            sorted(path.name for path in top.iterdir() if path.name not in ("sysroot", "native"))
            if top.is_dir()
            else []
        )
        if strange:
            raise HadronbakeError.of(
                "HBE022",
                f"{node.label} made {', '.join(strange)} beside the directories sysroot and native",
                node.task.location,
                hint="what goes to /hb/sysroot belongs in sysroot/, what goes to /hb/native in native/",
            )
        return self.store.put_tree(top, [name for name in ("native", "sysroot") if (top / name).is_dir()])


def tail(log: Path, lines: int = TAIL_LINES) -> tuple[str, ...]:
    """The last lines of a log; of one without end too, only its last 64 KiB are read."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 65536))
            content = file.read()
    except OSError:
        return ()
    return tuple(content.decode(errors="replace").splitlines()[-lines:])
