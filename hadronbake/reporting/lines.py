"""Plain lines, for logs and pipes: one when a task starts, one when it ends."""

from __future__ import annotations

from typing import TextIO

from hadronbake.reporting import events


class Lines:
    """Writes to ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._progress = events.Progress(0, 0, 0)

    def handle(self, event: events.Event) -> None:
        if isinstance(event, events.Progress):
            self._progress = event
            return
        text = describe(event)
        if text is not None:
            counted = f"[{self._progress.known}/{self._progress.total}] "
            self._stream.write(f"{counted if isinstance(event, events.TaskFinished) else ''}{text}\n")
            self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


def describe(event: events.Event) -> str | None:
    """The event in words, or None for what passes too quickly to be worth a line."""
    match event:
        case events.TaskStarted():
            return f"{event.label}: started"
        case events.TaskFinished(action="run"):
            same = ", output as before" if event.same else ""
            return f"{event.label}: done in {seconds(event.wall)}{same}"
        case events.TaskFinished():
            return f"{event.label}: {'restored' if event.action == 'restore' else 'deployed'}"
        case events.TaskFailed():
            return failure(event)
        case events.TaskDropped():
            return f"{event.label}: not done, since {event.because} failed"
        case events.Message():
            return f"{event.level}: {event.text}"
        case events.Remotes():
            return remotes(event)
        case events.Finished():
            return summary(event)
    return None


def failure(event: events.TaskFailed) -> str:
    """What to show of a failed task: the end of its log, and how to go on."""
    lines = [f"{event.label}: failed"]
    if event.tail:
        lines.append(f"  the last {len(event.tail)} lines of its log:")
        lines += [f"  | {line}" for line in event.tail]
    if event.message:
        lines += [f"  {line}" for line in event.message.splitlines()]
    lines += [f"  log:   {event.log}", f"  enter: {event.shell}"]
    return "\n".join(lines)


def summary(event: events.Finished) -> str:
    """The last lines of a build."""
    parts = [f"{event.ran} tasks ran", f"{event.found} outputs were known"]
    if event.restored:
        parts.append(f"{event.restored} restored")
    if event.failed:
        parts.append(f"{len(event.failed)} failed")
    if event.dropped:
        parts.append(f"{event.dropped} not done because of that")
    outcome = "done" if event.ok else "stopped" if event.interrupted else "not done"
    text = f"{outcome}: {', '.join(parts)}; {seconds(event.wall)}"
    if event.cpu >= 0.05:
        share = event.cpu / max(event.wall * event.cores, 0.001)
        text += f", {seconds(event.cpu)} of CPU ({share:.0%} of {event.cores} cores)"
    if event.failed:
        text += f"\nfailed: {' '.join(event.failed)}"
    return text


def remotes(event: events.Remotes) -> str:
    """What came from remotes and went there, in a line."""
    text = f"remotes: {event.found} outputs known, {event.trees} taken ({size(event.received_bytes)})"
    if event.sent or event.sent_bytes:
        text += f", {event.sent} sent ({size(event.sent_bytes)})"
    return f"{text}; {event.requests} requests, {seconds(event.seconds)}"


def size(value: int) -> str:
    """Bytes in words, by powers of ten."""
    if value < 1000:
        return f"{value} B"
    if value < 1_000_000:
        return f"{value / 1000:.1f} kB"
    return f"{value / 1_000_000:.1f} MB"


def seconds(value: float) -> str:
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
