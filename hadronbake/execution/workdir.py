"""Work directories of recipes: what was done in them (stamps), and how they are emptied.

The stamps of ``work/<PN>`` are in ``work/<PN>.stamps.json`` beside it, where no task can reach them: task name → the taskhash it
was done with, or null for one that began and has not ended.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hadronbake.execution.files import write_atomically

REMOVED = ".removed"


class WorkDirectory:
    """That of one recipe. The directory need not exist."""

    def __init__(self, topdir: Path, pn: str) -> None:
        self.path = topdir / "work" / pn
        self._stamps = topdir / "work" / f"{pn}.stamps.json"

    def stamps(self) -> dict[str, str | None]:
        """What the directory holds; a directory without readable stamps is one task that never ended."""
        if not self.path.is_dir():
            return {}
        try:
            value = json.loads(self._stamps.read_text())
        except (OSError, ValueError):
            return {"": None}
        return value if isinstance(value, dict) else {"": None}

    def began(self, task: str) -> None:
        self._set(task, None)

    def done(self, task: str, taskhash: str) -> None:
        self._set(task, taskhash)

    def make(self) -> None:
        if not self.path.is_dir():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._stamps, b"{}", durable=False)
            self.path.mkdir()

    def remove(self) -> None:
        """The directory first: stamps without it say nothing, it without stamps might be taken for a new one."""
        if self.path.is_dir():
            discard(self.path, self.path.parent / REMOVED)
        self._stamps.unlink(missing_ok=True)

    def _set(self, task: str, value: str | None) -> None:
        stamps: Mapping[str, str | None] = {**self.stamps(), task: value}
        # The work itself isn't written through either; torn stamps empty the directory.
        write_atomically(self._stamps, json.dumps(stamps, indent=1).encode(), durable=False)


def discard(path: Path, removed: Path) -> None:
    """Takes the directory away at once, by renaming it into ``removed``; deleting it can take minutes and is done by a thread,
    or by the next run's :func:`sweep`."""
    removed.mkdir(parents=True, exist_ok=True)
    path.rename(removed / f"{path.name}.{uuid.uuid4().hex}")
    sweep(removed)


def sweep(removed: Path) -> None:
    """Starts deleting what is in ``removed``. Two that meet there do no harm to each other."""
    if removed.is_dir():
        threading.Thread(target=_delete_all, args=(removed,), name="sweep", daemon=True).start()


def _delete_all(removed: Path) -> None:
    for path in list(removed.iterdir()):
        with suppress(OSError):
            remove_tree(path)


def remove_tree(path: Path) -> None:
    """Deletes a tree that may hold directories without write permission. A link is deleted, not what it names."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return

    def again(function: Callable[..., Any], name: str, error: Any) -> None:
        for place in (os.path.dirname(name), name):  # noqa: PTH120
            with suppress(OSError):
                mode = os.lstat(place).st_mode
                if stat.S_ISDIR(mode):
                    Path(place).chmod(stat.S_IMODE(mode) | 0o700)
        if function in (os.unlink, os.rmdir):
            function(name)
        elif Path(name).is_dir() and not Path(name).is_symlink():
            shutil.rmtree(name, onerror=again)

    for _ in range(3):
        try:
            shutil.rmtree(path, onerror=again)
        except FileNotFoundError:
            pass
        except RecursionError:
            # A thousand directories below each other, which a task may have made, are too many for Python's calls.
            subprocess.run(["rm", "-rf", "--", str(path)], check=False, stderr=subprocess.DEVNULL)
        if not path.exists():
            return
    shutil.rmtree(path)
