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
from hadronbake.execution import script
from hadronbake.execution.lock import build_lock, lock_file
from hadronbake.execution.process import end_orphans
from hadronbake.execution.sandbox import SandboxSpec, command, running_engine
from hadronbake.metadata.recipe import FunctionScript, TaskPayload

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
    process.send_signal(number)
    assert process.wait(30) == 130
    assert gone(topdir)
    stamps = json.loads((topdir / "work/x.stamps.json").read_text())
    assert stamps == {"do_compile": None}


def test_a_sandbox_that_nobody_waits_for_is_ended_by_the_next_build(tmp_path: Path) -> None:
    work = tmp_path / "build/work"
    (work / "x").mkdir(parents=True)
    spec = SandboxSpec(work=work / "x", hosttools=work)
    orphan = subprocess.Popen(command(spec, ["/bin/sh", "-c", "echo > /hb/work/began; /usr/bin/sleep 1000"]))
    shell = subprocess.Popen(command(spec.model_copy(update={"terminal": True}), ["/usr/bin/sleep", "1000"]))
    while not (work / "x/began").exists():
        time.sleep(0.02)
    end_orphans(tmp_path / "other/work")
    assert orphan.poll() is None
    end_orphans(work)
    assert orphan.wait(30) != 0
    assert shell.poll() is None
    shell.kill()
    shell.wait()


def test_a_task_does_not_begin_when_nobody_holds_the_lock(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    functions = (FunctionScript("do_x", "shell", f"echo > {tmp_path}/began\n", (), ()),)
    script.write(tmp_path / "task", TaskPayload("r", "pn", "do_x", functions, {}, {}), running_engine())
    run_script = tmp_path / "task/run"
    run_script.write_text(run_script.read_text().replace("/hb/task", str(tmp_path / "task")))

    def status(lock: Path) -> int:
        with lock.open("rb") as held:
            argv = ["/bin/sh", str(run_script), "", str(held.fileno())]
            return subprocess.run(argv, pass_fds=(held.fileno(),), check=False).returncode

    with build_lock(tmp_path):
        assert status(lock_file(tmp_path)) == 0
    (tmp_path / "began").unlink()
    assert status(lock_file(tmp_path)) == 1
    assert not (tmp_path / "began").exists()


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
