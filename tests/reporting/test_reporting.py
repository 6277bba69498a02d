"""What a person sees of a build."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

from rich.console import Console

from hadronbake.reporting import events
from hadronbake.reporting.jsonlines import JsonLines
from hadronbake.reporting.lines import Lines, seconds
from hadronbake.reporting.terminal import Terminal, last_line

FAILED = events.TaskFailed(
    "zlib:do_compile", "/b/log", ("one", "two"), "hbake shell zlib:do_compile", "error[HBE020]: x"
)
FINISHED = events.Finished(False, 3, 5, 1, ("zlib:do_compile",), 2, 100.0, 120.0, 2)


def test_lines() -> None:
    stream = io.StringIO()
    reporter = Lines(stream)
    for event in (
        events.Progress(1, 9, 0),
        events.TaskStarted("zlib:do_compile", "/b/log", 0),
        events.TaskFinished("zlib:do_install", "run", 61.0, 2.0, True),
        events.TaskFinished("zlib:do_deploy", "deploy", 1.0, 0),
        FAILED,
        events.TaskDropped("bash:do_compile", "zlib:do_compile"),
        events.TaskProgress("x", "y"),
        events.Message("warning", "stopping"),
        FINISHED,
    ):
        reporter.handle(event)
    reporter.close()
    assert stream.getvalue() == (
        "zlib:do_compile: started\n"
        "[1/9] zlib:do_install: done in 1 min 01 s, output as before\n"
        "[1/9] zlib:do_deploy: deployed\n"
        "zlib:do_compile: failed\n"
        "  the last 2 lines of its log:\n"
        "  | one\n"
        "  | two\n"
        "  error[HBE020]: x\n"
        "  log:   /b/log\n"
        "  enter: hbake shell zlib:do_compile\n"
        "bash:do_compile: not done, since zlib:do_compile failed\n"
        "warning: stopping\n"
        "not done: 3 tasks ran, 5 outputs were known, 1 restored, 1 failed, 2 not done because of that; "
        "1 min 40 s, 2 min 00 s of CPU (60% of 2 cores)\n"
        "failed: zlib:do_compile\n"
    )


def test_json_lines() -> None:
    stream = io.StringIO()
    reporter = JsonLines(stream)
    reporter.handle(FAILED)
    reporter.handle(FINISHED)
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [row["event"] for row in rows] == ["TaskFailed", "Finished"]
    assert rows[0]["tail"] == ["one", "two"]


def test_the_terminal_shows_running_tasks_with_their_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\n\x1b[31mcompiling [x]\x1b[0m\n\n")
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system=None)
    reporter = Terminal(console)
    reporter.handle(events.Progress(2, 4, 1))
    reporter.handle(events.TaskStarted("zlib:do_compile", str(log), time.time() - 5))
    reporter.handle(events.TaskStarted("a:do_fetch", str(tmp_path / "none"), time.time()))
    reporter.handle(events.TaskProgress("a:do_fetch", "50% of a file"))
    with console.capture() as shown:
        console.print(reporter)
    text = shown.get()
    assert "2/4 outputs (1 known before), 0 tasks run" in text
    assert "zlib:do_compile" in text and "5.0 s" in text and "compiling [x]" in text
    assert "50% of a file" in text
    reporter.handle(events.TaskFinished("zlib:do_compile", "run", 5, 5))
    reporter.handle(FAILED)
    reporter.handle(FINISHED)
    reporter.close()
    assert "enter: hbake shell zlib:do_compile" in stream.getvalue()


def test_last_line_of_nothing(tmp_path: Path) -> None:
    assert last_line(tmp_path / "absent") == ""


def test_durations() -> None:
    assert [seconds(value) for value in (0.04, 59.94, 60, 3725)] == ["0.0 s", "59.9 s", "1 min 00 s", "1 h 02 min"]
