"""The live display: an overall bar, and a line for each running task with its time and the last line of its output."""

from __future__ import annotations

import re
import time
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hadronbake.reporting import events
from hadronbake.reporting.lines import describe, seconds

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_SHOWN = 12


class Terminal:
    """Draws on ``console``; messages scroll by above."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = events.Progress(0, 0, 0)
        self._running: dict[str, events.TaskStarted] = {}
        self._said: dict[str, str] = {}
        self._ran = 0
        self._began = time.time()
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def handle(self, event: events.Event) -> None:
        match event:
            case events.Progress():
                self._progress = event
            case events.TaskStarted():
                self._running[event.label] = event
            case events.TaskProgress():
                self._said[event.label] = event.text
            case events.TaskFinished() | events.TaskFailed():
                self._running.pop(event.label, None)
                self._said.pop(event.label, None)
        if isinstance(event, events.TaskFinished) and event.action == "run":
            self._ran += 1
        if isinstance(event, events.Finished):
            self.close()
        if isinstance(
            event, events.TaskFailed | events.TaskDropped | events.Message | events.Remotes | events.Finished
        ):
            text = describe(event)
            if text is not None:
                style = "red" if isinstance(event, events.TaskFailed) else ""
                self._console.print(Text(text, style=style), soft_wrap=True)

    def close(self) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = time.time()
        progress = self._progress
        top = Table.grid(padding=(0, 1))
        for _ in range(3):
            top.add_column(no_wrap=True)
        top.add_row(
            ProgressBar(total=max(progress.total, 1), completed=progress.known, width=20),
            f"{progress.known}/{progress.total} outputs ({progress.found} known before), {self._ran} tasks run",
            seconds(now - self._began),
        )
        yield top
        rows = Table.grid(padding=(0, 1))
        rows.add_column(no_wrap=True)
        rows.add_column(no_wrap=True, justify="right")
        rows.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        for label, started in list(self._running.items())[:_SHOWN]:
            line = self._said.get(label) or last_line(Path(started.log))
            rows.add_row(label, seconds(now - started.at), Text(line))
        yield rows
        if len(self._running) > _SHOWN:
            yield Text(f"and {len(self._running) - _SHOWN} more")


def last_line(log: Path) -> str:
    """The last line of a log that isn't empty, without control characters."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 2048))
            content = file.read()
    except OSError:
        return ""
    lines = [_CONTROL.sub("", line).strip() for line in content.decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")
