"""What kinds of changes make a build do, with everything in shared state before: tasks run, restored, and kept by early cutoff; and
what an engine without cutoff would run. Run: .venv/bin/python benchmarks/replay/replay.py [--cache DIR] [--work DIR] [KIND…]

Each change is made to a copy of the layers, the target is built for real, `hbake why` and `hbake diff` are asked for the cause, and
the change is taken back. The cache (HB_CACHE, with the target in it) is copied, by hard links where nothing is written to. Without
KIND the quick ones are replayed; KIND may be one, or "all": kernel and systemd are compiled then.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hadronbake.cli.build import origin_of
from hadronbake.execution.build import BuildRequest, make_graph
from hadronbake.metadata.workspace import Workspace
from hadronbake.planning.graph import TaskGraph
from hadronbake.planning.hashes import taskhash

ROOT = Path(__file__).parents[2]
HBAKE = Path(sys.executable).with_name("hbake")
CORE = "hadron-core"


@dataclass(frozen=True)
class Kind:
    """``change`` edits the layers below a directory. ``names``: a word that the named cause must have; empty where nothing changes.
    ``slow``: minutes of compiling."""

    title: str
    change: Callable[[Path], None]
    names: str
    slow: bool = False


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(layers: Path) -> None:
        path = layers / CORE / name
        text = path.read_text()
        if old not in text:
            raise SystemExit(f"{path} has no {old!r}: this benchmark must follow the layers")
        path.write_text(text.replace(old, new))

    return change


def append(name: str, text: str) -> Callable[[Path], None]:
    def change(layers: Path) -> None:
        with (layers / CORE / name).open("a") as file:
            file.write(text)

    return change


def patch(recipe: str, content: str) -> Callable[[Path], None]:
    """A patch file beside the recipe's file, and its name in SRC_URI."""

    def change(layers: Path) -> None:
        path = layers / CORE / recipe
        (path.parent / "replay.patch").write_text(content)
        with path.open("a") as file:
            file.write('\nFILESEXTRAPATHS:prepend := "${THISDIR}:"\nSRC_URI:append = " file://replay.patch"\n')

    return change


SYSTEMD = """A word of a log message, in one program; no header of the library.
--- a/src/hostname/hostnamectl.c
+++ b/src/hostname/hostnamectl.c
@@ -1,3 +1,4 @@
+static const char replayed[] __attribute__((used)) = "replayed";
 /* SPDX-License-Identifier: LGPL-2.1-or-later */
 
 #include <getopt.h>
"""
KERNEL = """The next patch level: its number, and one driver that isn't as it was.
--- a/Makefile
+++ b/Makefile
@@ -1,7 +1,7 @@
 # SPDX-License-Identifier: GPL-2.0
 VERSION = 6
 PATCHLEVEL = 12
-SUBLEVEL = 107
+SUBLEVEL = 108
 EXTRAVERSION =
 NAME = Baby Opossum Posse
 
--- a/init/version.c
+++ b/init/version.c
@@ -1,3 +1,4 @@
+static const char replayed[] __attribute__((used)) = "replayed";
 // SPDX-License-Identifier: GPL-2.0-only
 /*
  *  linux/init/version.c
"""
ZLIB = "recipes-libs/zlib/zlib_1.3.1.bb"
KBD = "recipes-userland/kbd/kbd_2.7.1.bb"
BASE = "recipes-userland/base-files/base-files_1.0.bb"

KINDS = {
    "doc": Kind("doc-only change: SUMMARY of zlib", edit(ZLIB, 'SUMMARY = "', 'SUMMARY = "The '), ""),
    "comment": Kind(
        "comment in base.bbclass", append("classes/base.bbclass", "\n# A comment that was not here before.\n"), ""
    ),
    "rename": Kind(
        "a variable of base-files renamed, its value the same",
        edit(BASE, "OS_RELEASE_VERSION", "OS_RELEASE_NUMBER"),
        "OS_RELEASE_NUMBER",
    ),
    "leaf-flag": Kind("compiler flag of a leaf: kbd, -DUNUSED", append(KBD, '\nCFLAGS += "-DUNUSED"\n'), "UNUSED"),
    "leaf-code": Kind("compiler flag of a leaf: kbd, -O3", append(KBD, '\nCFLAGS += "-O3"\n'), "-O3"),
    "library-flag": Kind(
        "compiler flag of a library: zlib, -DUNUSED", append(ZLIB, '\nCFLAGS += "-DUNUSED"\n'), "UNUSED"
    ),
    "library-code": Kind(
        "compiler flag of a library: zlib, -O3, so another libz.so",
        append(ZLIB, '\nCFLAGS += "-O3"\n'),
        "-O3",
        slow=True,
    ),
    "systemd": Kind(
        "patch to systemd: one program, no header",
        patch("recipes-systemd/systemd/systemd_257.13.bb", SYSTEMD),
        "replay.patch",
        slow=True,
    ),
    "kernel": Kind(
        "kernel patch level 107 → 108, the same interface",
        patch("recipes-kernel/linux/linux.inc", KERNEL),
        "replay.patch",
        slow=True,
    ),
}


class Place:
    """A build directory with copies of the layers and of a cache."""

    def __init__(self, directory: Path, cache: Path) -> None:
        self.layers = directory / "layers"
        self.topdir = directory / "build"
        self.cache = directory / "cache"
        self.environment = {**os.environ, "HB_CACHE": str(self.cache)}
        (self.cache / "sstate").mkdir(parents=True)
        for name in ("cas", "exec"):
            copy(cache / "sstate" / name, self.cache / "sstate" / name, link=True)
        for name in ("ac", "equivalent"):
            copy(cache / "sstate" / name, self.cache / "sstate" / name, link=False)
        copy(cache / "downloads", self.cache / "downloads", link=True)
        copy(cache / "keys", self.cache / "keys", link=False)
        (self.topdir / "conf").mkdir(parents=True)
        layers = " ".join(str(self.layers / name) for name in sorted(os.listdir(ROOT / "layers")))  # noqa: PTH208
        (self.topdir / "conf/bblayers.conf").write_text(
            f'BBPATH = "${{TOPDIR}}:${{HADRONBAKE_DIR}}"\nBBFILES ?= ""\nBBLAYERS = "{layers}"\n'
        )
        (self.topdir / "conf/local.conf").write_text('HB_CACHE_SIZE = ""\n')
        self.reset()

    def reset(self) -> None:
        shutil.rmtree(self.layers, ignore_errors=True)
        shutil.copytree(ROOT / "layers", self.layers, symlinks=True)

    def hbake(self, *arguments: str) -> str:
        done = subprocess.run(
            [HBAKE, *arguments, "-B", str(self.topdir)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"hbake {' '.join(arguments)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def graph(self, target: str) -> TaskGraph:
        workspace = Workspace.open(self.topdir, self.environment, lambda text: None)
        try:
            return make_graph(BuildRequest((target,)), origin_of(workspace))
        finally:
            workspace.close()


def hashes(graph: TaskGraph) -> dict[str, str]:
    """The hash of every task, if each changed with whatever changes before it: without cutoff."""
    found: dict[str, str] = {}
    for label in graph.order:
        task = graph.nodes[label].task
        found[label] = taskhash(task.basehash, task.files, ((dep, found[dep]) for dep in graph.nodes[label].deps))
    return found


def without_cutoff(before: Mapping[str, str], graph: TaskGraph) -> set[str]:
    """The tasks that run because their hash is another one, and those without recorded outputs that they need in the work directory."""
    after = hashes(graph)
    nodes = graph.nodes
    stack = [label for label in after if before.get(label) != after[label] and not nodes[label].task.noexec]
    found = set(stack)
    while stack:
        for dep in nodes[stack.pop()].own:
            if dep not in found and not nodes[dep].recorded:
                found.add(dep)
                stack.append(dep)
    return {label for label in found if not nodes[label].task.noexec}


def copy(source: Path, target: Path, link: bool) -> None:
    subprocess.run(["cp", "-al" if link else "-a", str(source), str(target)], check=True)


@dataclass(frozen=True)
class Outcome:
    ran: list[str]
    restored: int
    same: int
    cpu: float
    changed: int
    kept: int
    why: str
    silent: list[str]
    """What should have named the cause, and didn't."""


def replay(place: Place, kind: Kind, target: str, before: Mapping[str, str]) -> Outcome:
    history = place.topdir / "cache/history"
    shutil.copytree(history, place.topdir / "history", dirs_exist_ok=True)
    kind.change(place.layers)
    changed = without_cutoff(before, place.graph(target))
    why = place.hbake("why", target)
    events = [json.loads(line) for line in place.hbake("build", "--json", target).splitlines() if line[:1] == "{"]
    finished = [item for item in events if item["event"] == "TaskFinished"]
    ran = [item for item in finished if item["action"] == "run"]
    diff = place.hbake("diff", "@1", "@-1")
    place.reset()
    shutil.rmtree(history)
    (place.topdir / "history").rename(history)
    return Outcome(
        [item["label"] for item in ran],
        len(finished) - len(ran),
        sum(bool(item.get("same")) for item in ran),
        sum(item["cpu"] for item in ran),
        len(changed),
        len(changed - {item["label"] for item in ran}),
        next((line.strip() for line in why.splitlines()[1:] if kind.names), "nothing changed"),
        [said for said in (why, diff) if kind.names not in said],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Replay kinds of changes on the project's own layers.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"all, or some of: {', '.join(KINDS)}")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/hadronbake").expanduser())
    parser.add_argument("--work", type=Path, help="where to put what is made, on the cache's file system")
    parser.add_argument("--target", default="hadron-image")
    arguments = parser.parse_args()
    named = list(KINDS) if arguments.kinds == ["all"] else arguments.kinds
    for name in named:
        if name not in KINDS:
            parser.error(f"there is no kind {name}")
    named = named or [name for name, kind in KINDS.items() if not kind.slow]
    with tempfile.TemporaryDirectory(dir=arguments.work or arguments.cache.parent) as directory:
        place = Place(Path(directory), arguments.cache)
        first = [json.loads(line) for line in place.hbake("build", "--json", arguments.target).splitlines()]
        done = sum(item["event"] == "TaskFinished" and item["action"] == "run" for item in first)
        before = hashes(place.graph(arguments.target))
        print(f"{arguments.target}: {len(before)} tasks; {done} had to run first\n")
        print(
            f"{'':54} {'run':>5} {'of them same':>13} {'restored':>9} {'kept':>6} {'without cutoff':>15} {'CPU s':>8}"
        )
        silent = []
        for name in named:
            outcome = replay(place, KINDS[name], arguments.target, before)
            print(
                f"{KINDS[name].title:54} {len(outcome.ran):5} {outcome.same:13} {outcome.restored:9} {outcome.kept:6} "
                f"{outcome.changed:15} {outcome.cpu:8.1f}"
            )
            print(f"    why: {outcome.why}")
            print(f"    ran: {' '.join(outcome.ran[:12])}{' …' if len(outcome.ran) > 12 else ''}", flush=True)
            silent += [
                f"{KINDS[name].title}: the cause ({KINDS[name].names}) isn't named:\n{said}" for said in outcome.silent
            ]
    if silent:
        raise SystemExit("\n".join(silent))


if __name__ == "__main__":
    main()
