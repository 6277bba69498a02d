"""Programs that fetch are ended when they stall, when the engine is interrupted, and when it is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from serving import wait_until

from hadronbake.fetching.command import run
from hadronbake.fetching.model import Unavailable


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_output_and_status() -> None:
    assert run(["sh", "-c", "echo a; echo b >&2; exit 3"], stall_seconds=5) == (3, "a\nb\n")


def test_no_such_program() -> None:
    with pytest.raises(Unavailable, match="no program 'no-such-program'"):
        run(["no-such-program"], stall_seconds=5)


def test_stalled_program_is_ended_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="stalled"):
        run(["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; wait"], stall_seconds=0.6)
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not alive(pid))


def test_what_moves_is_not_stalled() -> None:
    count = iter(range(1000))
    assert run(["sleep", "1.5"], stall_seconds=0.8, moved=lambda: next(count))[0] == 0


def test_killed_engine_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "from hadronbake.fetching.command import run\n"
        f"run(['sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 60'], stall_seconds=60)\n"
    )
    engine = subprocess.Popen([sys.executable, "-c", script])
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "", 10)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    wait_until(lambda: not alive(pid))
