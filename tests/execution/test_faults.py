"""Killed, stopped, started twice: nothing stays behind, and the next build ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from toybuild import Toy, ToyTask, library, run

from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.lock import build_lock

pytestmark = pytest.mark.sandbox

MAIN = Path(__file__).with_name("toymain.py")


def start(topdir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(MAIN), str(topdir)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def finish(topdir: Path) -> dict[str, str]:
    process = start(topdir)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    found: dict[str, str] = json.loads(text)
    return found


def below(topdir: Path) -> list[psutil.Process]:
    """Processes that have something of the build directory in their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(str(topdir) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def gone(topdir: Path) -> bool:
    for _ in range(100):
        if not below(topdir):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_killed_at_any_moment_the_next_build_gives_the_same(tmp_path: Path) -> None:
    began = time.monotonic()
    expected = finish(tmp_path / "undisturbed/build")
    whole = time.monotonic() - began
    moments = random.Random(1)
    topdir = tmp_path / "killed/build"
    for _ in range(12):
        process = start(topdir)
        time.sleep(moments.uniform(0.2 * whole, whole))
        process.kill()
        process.communicate()
        assert gone(topdir)
    assert finish(topdir) == expected
    assert (topdir / "deploy/images/prog.txt").read_text().count("x\n") == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_order(tmp_path: Path, number: signal.Signals) -> None:
    topdir = tmp_path / "build"
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); from toybuild import *; from pathlib import Path\n"
        "toy = Toy('x', {'do_compile': ToyTask('sleep 1000', outputs=('o',))})\n"
        "sys.exit(130 if run(Path(sys.argv[1]), [toy], 'x:do_compile').interrupted else 1)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(topdir), str(MAIN.parent)])
    log = topdir / "logs/x/do_compile.sandbox.json"
    for _ in range(600):
        if log.exists():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(30) == 130
    assert gone(topdir)
    stamps = json.loads((topdir / "work/x.stamps.json").read_text())
    assert stamps == {"do_compile": None}


def test_a_build_directory_in_use_is_refused(tmp_path: Path) -> None:
    with build_lock(tmp_path), pytest.raises(HadronbakeError) as caught:
        run(tmp_path, [library()], "lib")
    assert f"error[HBE001]: the build directory {tmp_path} is in use by process {os.getpid()} (" in str(caught.value)


def test_two_build_directories_at_once_share_a_store(tmp_path: Path) -> None:
    one, two = start(tmp_path / "one"), start(tmp_path / "two")
    outputs = [process.communicate(timeout=120)[0] for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0]
    assert outputs[0] == outputs[1]


def test_what_a_task_leaves_running_ends_with_it(tmp_path: Path) -> None:
    toy = Toy("x", {"do_compile": ToyTask("sleep 1000 & mkdir ../o", outputs=("o",))})
    began = time.monotonic()
    assert run(tmp_path / "build", [toy], "x:do_compile").ok
    assert time.monotonic() - began < 60
