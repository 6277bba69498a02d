"""How long BitBake and hadronbake take to read OE-core: nothing known, all known, one recipe changed. See README.md."""

from __future__ import annotations

import argparse
import compileall
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

from workplace import BITBAKE, HERE, OE_CORE, PROJECT, Workplace, prepare

HBAKE = "from hadronbake.cli.main import main; main()"
LAYER_CONF = """\
BBFILES += "${{LAYERDIR}}/*.bbappend"
BBFILE_COLLECTIONS += "touched"
BBFILE_PATTERN_touched = "^${{LAYERDIR}}/"
BBFILE_PRIORITY_touched = "6"
LAYERSERIES_COMPAT_touched = "{series}"
"""
SETTLING = "second run"
DIRECTORIES = ("speed-bitbake", "speed-hadronbake", "speed-own")
OWN_LAYERS = """\
BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"
BBFILES ?= ""
BBLAYERS = "${HADRONBAKE_DIR}/layers/hadron-core ${HADRONBAKE_DIR}/layers/debian-sources"
"""


@dataclass(frozen=True)
class Used:
    """``cpu``: seconds of all processes together; ``memory``: bytes of the largest one."""

    cpu: float
    memory: int

    def __str__(self) -> str:
        return f"{self.cpu:7.2f} s {self.memory >> 20:5} MB"


@dataclass(frozen=True)
class Side:
    """An engine in a build directory of its own."""

    place: Workplace
    topdir: Path
    command: tuple[str, ...]
    ours: bool

    def clear(self) -> None:
        for name in ("cache", "tmp", "tmp-glibc"):
            shutil.rmtree(self.topdir / name, ignore_errors=True)

    def parse(self) -> Used:
        """Raises CalledProcessError."""
        out = self.topdir / "used.json"
        command = [self.place.python, "-B", str(HERE / "measured.py"), str(out), *self.command]
        environment = self.place.environment(self.topdir, ours=self.ours)
        environment["LOCPATH"] = str(self.place.scratch / "locale")
        # BitBake's server sees only what is let through.
        environment["BB_ENV_PASSTHROUGH_ADDITIONS"] = "LOCPATH"
        log = self.topdir / "log"
        with log.open("w") as file:
            done = subprocess.run(
                self.place.as_user(command), cwd=self.topdir, env=environment, stdout=file, stderr=file
            )
        if done.returncode:
            raise SystemExit(f"{' '.join(self.command)} failed:\n{log.read_text()[-3000:]}")
        found = json.loads(out.read_text())
        return Used(found["cpu"], found["memory"])


def build_directory(place: Workplace, directory: str, bblayers: str | None = None) -> Path:
    """A build directory as that of the comparison, or with layers of its own; the one that is there already, if there is one."""
    topdir = place.scratch / directory
    if topdir.exists():
        return topdir
    (topdir / "conf").mkdir(parents=True)
    if bblayers is None:
        for name in ("bblayers.conf", "local.conf"):
            shutil.copy(place.topdir / "conf" / name, topdir / "conf" / name)
        # Its checks of the host and the network are no reading, and BitBake alone would do them.
        with (topdir / "conf/local.conf").open("a") as file:
            file.write('INHERIT:remove = "sanity"\n')
    else:
        (topdir / "conf/bblayers.conf").write_text(bblayers)
    place.give(topdir)
    return topdir


def make_layer(directory: Path, meta: Path) -> Path:
    """A layer with one append, for zlib, which every engine has to read again whenever it changes. Gives the append."""
    series = re.search(r'^LAYERSERIES_CORENAMES = "(.*)"', (meta / "conf/layer.conf").read_text(), re.M)
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "conf").mkdir(parents=True)
    (directory / "conf/layer.conf").write_text(LAYER_CONF.format(series=series[1] if series else ""))
    append = directory / "zlib_%.bbappend"
    append.write_text("# never\n")
    return append


def make_locale(directory: Path) -> None:
    """BitBake doesn't begin without en_US.UTF-8, which few machines have."""
    directory.mkdir(exist_ok=True)
    if not (directory / "en_US.UTF-8").exists():
        subprocess.run(["localedef", "-i", "en_US", "-f", "UTF-8", str(directory / "en_US.UTF-8")], check=True)
        shutil.copytree("/usr/lib/locale/C.utf8", directory / "C.UTF-8", dirs_exist_ok=True)


def best(runs: int, parse: Callable[[], Used], before: Callable[[int], object]) -> Used:
    """The least that was used in so many runs."""
    found = []
    for number in range(runs):
        before(number)
        found.append(parse())
    return Used(min(item.cpu for item in found), max(item.memory for item in found))


def main() -> int:
    """1 if hadronbake takes more than a fifth of BitBake's time somewhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="directory for sources and build directories")
    parser.add_argument("--bitbake", default=BITBAKE, help="git URL or directory of BitBake (default: %(default)s)")
    parser.add_argument("--oe-core", default=OE_CORE, help="git URL or directory of OE-core (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="how often all but the cold runs are done; the best counts")
    parser.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="take what an earlier run with this scratch directory has measured, and measure the rest",
    )
    parser.add_argument("--user", help="whom both sides run as when we are root (default: nobody)")
    parser.add_argument("--python", help="an interpreter which that user can run (default for root: /usr/bin/python3)")
    wanted = parser.parse_args()
    results = wanted.scratch.absolute() / "speed.json"
    if not wanted.go_on:
        results.unlink(missing_ok=True)
        for name in DIRECTORIES:
            shutil.rmtree(wanted.scratch / name, ignore_errors=True)
    layer = wanted.scratch.absolute() / "touched"
    layer.mkdir(parents=True, exist_ok=True)
    place = prepare(wanted.scratch, wanted.bitbake, wanted.oe_core, [str(layer)], wanted.user, wanted.python)
    make_locale(place.scratch / "locale")
    for library in (PROJECT / "hadronbake", place.bitbake / "lib", place.oe_core / "meta/lib"):
        # As if installed: the ordinary user may not be able to keep what Python compiles, and would pay for it each time.
        compileall.compile_dir(library, quiet=2)
    append = layer / "zlib_%.bbappend" if wanted.go_on else make_layer(layer, place.oe_core / "meta")
    bitbake = (place.python, str(place.bitbake / "bin/bitbake"), "-p")
    hbake = (place.python, "-c", HBAKE, "parse")
    sides = {
        "BitBake": Side(place, build_directory(place, DIRECTORIES[0]), bitbake, False),
        "hadronbake": Side(place, build_directory(place, DIRECTORIES[1]), hbake, True),
    }
    used: dict[str, dict[str, Used]] = {name: {} for name in sides}
    if results.exists():
        for name, known in json.loads(results.read_text()).items():
            used[name] = {row: Used(*values) for row, values in known.items()}
    rows: list[tuple[str, int, Callable[[Side, int], object]]] = [
        ("cold", 1, lambda side, number: side.clear()),
        # BitBake's digest of the configuration is another one when it finds its cache of Python code: it reads all once more.
        (SETTLING, 1, lambda side, number: None),
        ("warm", wanted.runs, lambda side, number: None),
        ("one recipe changed", wanted.runs, lambda side, number: append.write_text(f"# {time.time_ns()} {number}\n")),
    ]
    for row, runs, before in rows:
        for name, side in sides.items():
            if row not in used[name]:
                used[name][row] = best(runs, side.parse, partial(before, side))
                print(f"{name}, {row}: {used[name][row]}", file=sys.stderr)
                results.write_text(
                    json.dumps({name: {row: astuple(item) for row, item in own.items()} for name, own in used.items()})
                )
    own = Side(place, build_directory(place, DIRECTORIES[2], OWN_LAYERS), hbake, True)
    alone = best(wanted.runs, own.parse, lambda _: own.clear())
    print(f"{'CPU, largest process':22}{'BitBake':>20}{'hadronbake':>20}   ratio")
    slow = False
    for row, theirs in used["BitBake"].items():
        if row == SETTLING:
            continue
        ours = used["hadronbake"][row]
        slow |= ours.cpu * 5 > theirs.cpu
        print(f"{row:22}{theirs!s:>20}{ours!s:>20}   1/{theirs.cpu / ours.cpu:.1f}")
    print(f"{'own layers, cold':22}{'':>20}{alone!s:>20}")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
