"""Keeps what is known of one build directory up to date, by worker processes, without ever letting anyone wait for long."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hadronbake.diagnostics import Diagnostic, Location, Severity
from hadronbake.lsp.model import NOTHING, FileView, Snapshot
from hadronbake.lsp.worker import message

_QUIET = 0.3
_LONGEST_READ = 600.0
_LONGEST_VIEW = 60.0
logger = logging.getLogger(__name__)


class Analyst:
    """``snapshot`` is the last good one, with the findings of the last reading. ``report`` is called when it changes.

    A new worker reads while the old one goes on answering; so nothing is ever asked of half-read metadata. All methods belong to
    the event loop's thread.
    """

    def __init__(self, topdir: Path, report: Callable[[Analyst], None]) -> None:
        self.topdir = topdir
        self.snapshot: Snapshot = replace(NOTHING, topdir=str(topdir))
        self._report = report
        self._worker: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._known = asyncio.Event()
        self._asking = asyncio.Lock()
        self._views: dict[str, asyncio.Task[FileView | None]] = {}
        self._stale: dict[str, FileView] = {}

    def refresh(self, delay: float = _QUIET) -> None:
        """Read the metadata again, soon; a reading under way is given up."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = asyncio.get_running_loop().create_task(self._read(delay))

    async def view(self, path: str, patience: float) -> FileView | None:
        """What a file means; what it meant at the last reading if the answer takes more than ``patience`` seconds."""
        task = self._views.get(path)
        if task is None or (task.done() and task.cancelled()):
            task = self._views[path] = asyncio.get_running_loop().create_task(self._ask(path))
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            found = await asyncio.wait_for(asyncio.shield(task), patience)
            if found is not None:
                return found
        return self._stale.get(path)

    def close(self) -> None:
        """End the workers."""
        for task in (self._reading, *self._views.values()):
            if task is not None:
                task.cancel()
        _kill(self._worker)

    async def _read(self, delay: float) -> None:
        await asyncio.sleep(delay)
        worker: Process | None = None
        try:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hadronbake.lsp.worker", str(self.topdir), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
            snapshot = await asyncio.wait_for(_receive(worker), _LONGEST_READ)
        except TimeoutError:
            snapshot = self._failure(f"the metadata was not read within {_LONGEST_READ:.0f} s")
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            snapshot = self._failure(f"the process that reads the metadata ended: {error}")
        except asyncio.CancelledError:
            _kill(worker)
            raise
        if snapshot.complete:
            _kill(self._worker)
            self._worker = worker
            self.snapshot = snapshot
            for path, task in self._views.items():
                if task.done() and not task.cancelled() and (found := task.result()) is not None:
                    self._stale[path] = found
                else:
                    task.cancel()
            self._views.clear()
        else:
            # Nothing but findings: what was known before is still the best there is.
            _kill(worker)
            self.snapshot = replace(self.snapshot, diagnostics=snapshot.diagnostics)
        self._known.set()
        self._report(self)

    def _failure(self, text: str) -> Snapshot:
        place = Location(str(self.topdir / "conf" / "bblayers.conf"))
        return Snapshot(str(self.topdir), diagnostics=(Diagnostic("HBC190", text, place, Severity.ERROR),))

    async def _ask(self, path: str) -> FileView | None:
        await self._known.wait()
        async with self._asking:
            worker = self._worker
            if worker is None or worker.stdin is None or worker.returncode is not None:
                return None
            try:
                worker.stdin.write(message(path))
                await worker.stdin.drain()
                found: FileView = await asyncio.wait_for(_receive(worker), _LONGEST_VIEW)
            except (TimeoutError, OSError, EOFError, pickle.UnpicklingError) as error:
                logger.warning("no view of %s: %s", path, error)
                _kill(worker)
                return None
            except asyncio.CancelledError:
                # Its answer would be taken for that of the next question.
                _kill(worker)
                raise
            return found


async def _receive(worker: Process) -> Any:
    assert worker.stdout is not None
    head = await worker.stdout.readexactly(4)
    return pickle.loads(await worker.stdout.readexactly(struct.unpack(">I", head)[0]))


def _kill(worker: Process | None) -> None:
    if worker is not None and worker.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
