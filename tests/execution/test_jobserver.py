"""The job server with real make and ninja: two builds together never run more jobs than there are tokens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hadronbake.execution.jobserver import Jobserver
from hadronbake.execution.sandbox import SandboxSpec, command

JOBS = 6
# Each job says when it began and ended, in one file that all append to.
JOB = "echo + >> {log}; sleep 0.2; echo - >> {log}"


def most(log: Path) -> int:
    """The largest number of jobs at one time. The appended lines are in the order of time."""
    running = highest = 0
    for line in log.read_text().splitlines():
        running += 1 if line == "+" else -1
        highest = max(highest, running)
    return highest


def makefile(directory: Path, log: str) -> None:
    directory.mkdir(parents=True)
    names = " ".join(f"j{number}" for number in range(JOBS))
    (directory / "Makefile").write_text(f"all: {names}\n{names}:\n\t@{JOB.format(log=log)}\n.PHONY: all {names}\n")


def ninjafile(directory: Path, log: str) -> None:
    directory.mkdir(parents=True)
    rows = [f"rule job\n  command = {JOB.format(log=log)}\n"]
    rows += [f"build j{number}: job\n" for number in range(JOBS)]
    (directory / "build.ninja").write_text("".join(rows))


def test_tokens_are_taken_and_given_back(tmp_path: Path) -> None:
    server = Jobserver(tmp_path / "fifo", 2)
    assert [server.acquire() for _ in range(3)] == [True, True, False]
    server.release()
    assert server.acquire()
    server.refill()
    assert [server.acquire() for _ in range(3)] == [True, True, False]
    server.close()
    assert not server.path.exists()


def test_make_and_ninja_share_the_tokens(tmp_path: Path) -> None:
    log = tmp_path / "log"
    makefile(tmp_path / "one", str(log))
    makefile(tmp_path / "two", str(log))
    ninjafile(tmp_path / "three", str(log))
    ninja = Path(sys.executable).with_name("ninja")
    server = Jobserver(tmp_path / "fifo", 4)
    # The engine holds a token for each of the three.
    assert all(server.acquire() for _ in range(3))
    environment = {**os.environ, **server.environment()}
    for_ninja = {**os.environ, "MAKEFLAGS": f"-j --jobserver-auth=fifo:{server.path}"}
    running = [
        subprocess.Popen(["make", "-C", str(tmp_path / name)], env=environment, pass_fds=(server.inherited,))
        for name in ("one", "two")
    ]
    running.append(subprocess.Popen([ninja, "-C", str(tmp_path / "three")], env=for_ninja))
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert log.read_text().count("+") == 3 * JOBS
    assert 3 <= most(log) <= 4
    # All tokens are back.
    assert [server.acquire() for _ in range(2)] == [True, False]
    server.close()


@pytest.mark.sandbox
def test_through_the_sandbox(tmp_path: Path) -> None:
    work, tools = tmp_path / "work", tmp_path / "tools"
    makefile(work / "make", "/hb/work/log")
    ninjafile(work / "ninja", "/hb/work/log")
    tools.mkdir()
    for name, path in (("make", "/usr/bin/make"), ("sleep", "/usr/bin/sleep"), ("sh", "/bin/sh")):
        (tools / name).symlink_to(os.path.realpath(path))
    (tools / "ninja").symlink_to(Path(sys.executable).with_name("ninja"))
    server = Jobserver(tmp_path / "fifo", 3)
    spec = SandboxSpec(work=work, hosttools=tools, jobserver=server.path, environment=server.environment())
    assert server.acquire() and server.acquire()
    scripts = (
        "make -C make",
        'MAKEFLAGS="-j --jobserver-auth=fifo:$HB_JOBSERVER_FIFO" ninja -C ninja',
    )
    running = [
        subprocess.Popen(
            command(spec, ["/bin/sh", "-c", script]),
            pass_fds=(server.inherited,),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for script in scripts
    ]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert "jobserver unavailable" not in said[0]
    assert (work / "log").read_text().count("+") == 2 * JOBS
    assert 2 <= most(work / "log") <= 3
    assert [server.acquire() for _ in range(2)] == [True, False]
    server.close()
