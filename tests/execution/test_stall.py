"""Tasks that hang."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from toybuild import Recorder, Toy, ToyTask, run

from hadronbake.execution import engine
from hadronbake.execution.stall import Activity, Stall, activity, waiting
from hadronbake.reporting import events


def test_only_what_does_not_change_at_all_for_long_hangs() -> None:
    stall = Stall(10, 0)
    still = Activity(5, frozenset({1}), 3)
    assert not stall.sample(still, 1)
    assert not stall.sample(still, 10)
    assert stall.sample(still, 11)
    for other in (Activity(6, frozenset({1}), 3), Activity(6, frozenset({2}), 3), Activity(6, frozenset({2}), 4)):
        assert not stall.sample(other, 30)
    assert not stall.sample(other, 39)
    assert stall.sample(other, 40)


def test_activity_of_a_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("four")
    process = subprocess.Popen(["/bin/sh", "-c", "sleep 100; true"])
    try:
        while "sleep" not in waiting(process.pid):
            pass
        assert activity(process.pid, log).log == 4
        assert len(activity(process.pid, log).processes) == 2
    finally:
        process.terminate()
        process.wait()
    assert waiting(process.pid) == "nothing"


@pytest.mark.sandbox
def test_a_task_that_hangs_is_ended_and_says_what_it_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = engine.Settings
    monkeypatch.setattr("hadronbake.execution.build.Settings", lambda **values: settings(**values, stall_seconds=2.0))
    recorder = Recorder()
    toy = Toy("x", {"do_compile": ToyTask("sleep 1000", outputs=("o",))})
    assert not run(tmp_path / "build", [toy], "x:do_compile", recorder=recorder).ok
    (event,) = recorder.of(events.TaskFailed)
    assert "error[HBE023]: the task did nothing for 0 minutes and was ended; it waited for" in event.message
    assert "sleep" in event.message
