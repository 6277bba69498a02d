"""What a fresh machine needs to build what others have built: bytes, requests and time, by kind of remote, with and without latency.

Run: .venv/bin/python benchmarks/remotes/measure.py TARGET [--cache DIR] [--scratch DIR] [--latency MS…]     (see README.md)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/remotes"))

from real import (  # noqa: E402
    bazel_remote,
    bazel_remote_server,
    casd,
    casd_server,
    free_port,
    nginx,
    nginx_server,
    running,
)

HBAKE = Path(sys.executable).with_name("hbake")
DELAY = Path(__file__).with_name("delay.py")


@dataclass
class Place:
    """A remote to measure. ``port``: of its server, 0 for a directory; ``options``: of HB_CACHE_REMOTES."""

    name: str
    url: str
    port: int = 0
    options: str = ""

    def through(self, port: int) -> str:
        return self.url.replace(f":{self.port}", f":{port}") + self.options


def hbake(topdir: Path, cache: Path, *arguments: str) -> tuple[str, float, float]:
    """What a command printed, its wall time and its CPU seconds. It must succeed."""
    before, began = os.times(), time.monotonic()
    done = subprocess.run(
        [HBAKE, *arguments, "--build-dir", str(topdir)],
        env={**os.environ, "HB_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    wall, after = time.monotonic() - began, os.times()
    if done.returncode:
        sys.exit(f"hbake {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return (
        done.stdout,
        wall,
        after.children_user + after.children_system - before.children_user - before.children_system,
    )


def build_directory(place: Path, remote: str, key: str) -> Path:
    """A new build directory beside nothing, with our layers."""
    topdir = place / "build"
    (topdir / "conf").mkdir(parents=True)
    (topdir / "conf/bblayers.conf").write_text(
        'BBPATH = "${TOPDIR}:${HADRONBAKE_DIR}"\nBBFILES ?= ""\n'
        'BBLAYERS = "${HADRONBAKE_DIR}/layers/hadron-core ${HADRONBAKE_DIR}/layers/debian-sources"\n'
    )
    (topdir / "conf/local.conf").write_text(f'HB_CACHE_REMOTES = "{remote}"\nHB_TRUSTED_KEYS = "{key}"\n')
    return topdir


@contextmanager
def places(scratch: Path) -> Iterator[list[Place]]:
    """All kinds of remotes for which there is a server."""
    with ExitStack() as stack:
        found = [
            Place("directory", str(scratch / "plain")),
            Place("directory, zstd", str(scratch / "zstd"), 0, ";compress=zstd"),
        ]

        def add(name: str, url: str, options: str = "") -> None:
            found.append(Place(name, url, int(url.rpartition(":")[2]), options))

        if (program := nginx()) is not None:
            add("HTTP, nginx", stack.enter_context(nginx_server(program, scratch / "nginx")))
        if (program := casd()) is not None:
            add("REAPI, buildbox-casd", stack.enter_context(casd_server(program, scratch / "casd")))
        if (program := bazel_remote()) is not None:
            # One for each protocol: what the one has taken the other would not be sent.
            http, _ = stack.enter_context(bazel_remote_server(program, scratch / "bazel-http"))
            _, grpc = stack.enter_context(bazel_remote_server(program, scratch / "bazel-grpc"))
            add("HTTP, bazel-remote", http, ";compress=zstd")
            add("REAPI, bazel-remote", grpc)
        yield found


@contextmanager
def delayed(port: int, milliseconds: float) -> Iterator[int]:
    """The port of a proxy before a server."""
    mine = free_port()
    with tempfile.TemporaryDirectory() as directory:
        argv = [sys.executable, str(DELAY), str(mine), str(port), str(milliseconds)]
        with running(argv, [mine], Path(directory) / "log"):
            yield mine


def files_of(cache: Path) -> list[str]:
    """The blobs of a store, as paths below a remote's address."""
    return [
        f"cas/{path.parent.name}/{path.name}"
        for kind in ("cas", "exec")
        for path in sorted((cache / "sstate" / kind).glob("*/*"))
    ]


def by_cp(plain: Path, names: Sequence[str], target: Path) -> float:
    """Seconds that cp needs for the same files, with all of them on the disk."""
    target.mkdir()
    began = time.monotonic()
    subprocess.run(["cp", *(str(plain / name) for name in names), str(target)], check=True)
    subprocess.run(["sync", "-f", str(target)], check=True)
    seconds = time.monotonic() - began
    shutil.rmtree(target)
    return seconds


def by_curl(port: int, names: Sequence[str], target: Path) -> float:
    """Seconds that one curl needs for the same files from Python's own web server, over one connection."""
    target.mkdir()
    config = target / "config"
    config.write_text(
        "".join(f'url = "http://127.0.0.1:{port}/{name}"\noutput = "{target}/{name[-64:]}"\n' for name in names)
    )
    began = time.monotonic()
    subprocess.run(["curl", "--silent", "--show-error", "--fail", "--config", str(config)], check=True)
    subprocess.run(["sync", "-f", str(target)], check=True)
    seconds = time.monotonic() - began
    shutil.rmtree(target)
    return seconds


def taking(topdir: Path, cache: Path, target: str) -> dict[str, Any]:
    """Looking up and taking alone, without reading recipes, in a process of its own; see take.py."""
    out = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("take.py")), str(topdir), target],
        env={**os.environ, "HB_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    result: dict[str, Any] = json.loads(out)
    return result


def megabytes(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("target", nargs="?", default="hadron-image")
    arguments.add_argument(
        "--cache", type=Path, default=Path(os.environ.get("HB_CACHE", Path.home() / ".cache/hadronbake"))
    )
    arguments.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "hadronbake-remotes")
    arguments.add_argument("--latency", type=float, nargs="+", default=[0, 50], metavar="MS", help="round trip")
    given = arguments.parse_args()
    scratch: Path = given.scratch.absolute()
    if scratch.exists():
        sys.exit(f"{scratch} is there already")
    scratch.mkdir(parents=True)
    try:
        Bench(given.target, given.cache.absolute(), scratch).run(given.latency)
    finally:
        shutil.rmtree(scratch)


class Bench:
    """``source``: a build directory with ``cache``, where the target is built."""

    def __init__(self, target: str, cache: Path, scratch: Path) -> None:
        self.target = target
        self.cache = cache
        self.scratch = scratch
        self.source = build_directory(scratch / "source", "", "")
        self.key = json.loads(hbake(self.source, cache, "keys", "new", "--json")[0])["key"]
        self.machines = 0

    def fresh(self, remote: str) -> tuple[Path, Path]:
        """A machine that has nothing: its build directory, its cache."""
        self.machines += 1
        place = self.scratch / f"fresh-{self.machines}"
        return build_directory(place, remote, self.key), place / "cache"

    def push(self, found: Sequence[Place]) -> None:
        print(f"pushing {self.target} and all it is made from:")
        print(
            f"    {'remote':24} {'records':>7} {'bytes':>10} {'requests':>8} {'seconds':>8}   again: requests, seconds"
        )
        for place in found:
            first, wall = self._pushed(place)
            again, second = self._pushed(place)
            print(
                f"    {place.name:24} {first['sent']:7} {megabytes(first['bytes']):>10} {first['requests']:8} {wall:8.1f}"
                f"   {again['requests']:8} {second:8.1f}",
                flush=True,
            )

    def _pushed(self, place: Place) -> tuple[dict[str, Any], float]:
        to = place.url + place.options
        out, wall, _ = hbake(self.source, self.cache, "cache", "push", self.target, "--to", to, "--json")
        (result,) = json.loads(out)
        return result, wall

    def take(self, place: Place, latency: float, baseline: float) -> None:
        with ExitStack() as stack:
            port = stack.enter_context(delayed(place.port, latency)) if place.port else 0
            topdir, empty = self.fresh(place.through(port))
            taken = taking(topdir, empty, self.target)
            shutil.rmtree(topdir.parent)
            topdir, empty = self.fresh(place.through(port))
            out, wall, _ = hbake(topdir, empty, "build", "--json", self.target)
        done = next(item for item in map(json.loads, out.splitlines()) if item["event"] == "Finished")
        bundle, levels = taken["bundle"], taken["levels"]
        print(
            f"    {place.name:24} {bundle['requests']:8} {megabytes(bundle['bytes']):>10} {bundle['seconds']:7.2f} s"
            f" {bundle['seconds'] / baseline:6.2f}   {bundle['lookup']:6.2f} s, {bundle['lookup_requests']:3}"
            f"   {levels['lookup']:6.2f} s, {levels['lookup_requests']:3}   {wall:7.1f} s {done['ran']:5}",
            flush=True,
        )
        shutil.rmtree(topdir.parent)

    def run(self, latencies: Sequence[float]) -> None:
        plain = self.scratch / "plain"
        with places(self.scratch) as found:
            self.push(found)
            topdir, _ = self.fresh("")
            wall, cpu = hbake(topdir, self.cache, "build", self.target)[1:]
            print(
                f"\n{self.target} in a new build directory, all of it in local shared state: {wall:.1f} s, {cpu:.1f} s of CPU"
            )
            topdir, empty = self.fresh(found[0].url)
            hbake(topdir, empty, "build", self.target)
            # A store has directories as blobs of their own, which a remote has in one message.
            wanted = [name for name in files_of(empty) if (plain / name).is_file()]
            shutil.rmtree(topdir.parent)
            size = sum((plain / name).stat().st_size for name in wanted)
            total = sum(path.stat().st_size for path in (plain / "cas").glob("*/*"))
            print(f"a fresh machine takes {len(wanted)} blobs, {megabytes(size)}, of {megabytes(total)} that are there")
            web = free_port()
            argv = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(plain), str(web)]
            with running(argv, [web], self.scratch / "web.log"):
                for latency in latencies:
                    print(f"\nround trip {latency:g} ms")
                    print(
                        f"    {'':24} {'requests':>8} {'bytes':>10} {'seconds':>9} {'ratio':>6}   {'lookup (bundle)':>13}"
                        f"   {'(by levels)':>13}   {'whole':>9} {'ran':>5}"
                    )
                    with delayed(web, latency) as port:
                        curl = by_curl(port, wanted, self.scratch / f"curl-{latency:g}")
                    cp = by_cp(plain, wanted, self.scratch / f"cp-{latency:g}")
                    print(f"    {'cp of these blobs':24} {'-':>8} {megabytes(size):>10} {cp:7.2f} s {1:6.2f}")
                    print(
                        f"    {'curl of these blobs':24} {len(wanted):8} {megabytes(size):>10} {curl:7.2f} s {1:6.2f}"
                    )
                    for place in found:
                        if place.port or not latency:
                            self.take(place, latency, curl if place.port else cp)


if __name__ == "__main__":
    main()
