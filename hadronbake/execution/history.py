"""What this build directory remembers of each task: how long it took, and the inputs it last had, for ``hbake why``.

    cache/history/index.json        label → taskhash, unihash, wall and CPU seconds of the last run
    cache/history/inputs/<PN>.json  the inputs of the recipe's tasks; the texts of variables once for all of them

Both may be lost: then tasks are "new", and take their default duration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hadronbake.artifacts.record import RecordedInput
from hadronbake.execution.files import write_atomically


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Remembered(_Frozen):
    """``wall`` and ``cpu``: seconds; 0 for a task that never ran here."""

    taskhash: str = ""
    unihash: str = ""
    wall: float = 0.0
    cpu: float = 0.0


class _Inputs(_Frozen):
    """``texts``: each input once; ``tasks``: task → positions in ``texts``; ``before``: what it was before the last change."""

    texts: tuple[RecordedInput, ...] = ()
    tasks: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)
    before: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)

    def of(self, places: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[RecordedInput, ...]]:
        return {task: tuple(self.texts[position] for position in own) for task, own in places.items()}


_INDEX = TypeAdapter(dict[str, Remembered])


class History:
    """Read when made. Nothing is written before :meth:`save`."""

    def __init__(self, topdir: Path) -> None:
        self._directory = topdir / "cache" / "history"
        self._index: dict[str, Remembered] = {}
        self._changed: dict[str, dict[str, tuple[RecordedInput, ...]]] = {}
        self._dirty = False
        with suppress(OSError, ValidationError):
            self._index = _INDEX.validate_json((self._directory / "index.json").read_bytes())

    def last(self, label: str) -> Remembered | None:
        return self._index.get(label)

    def durations(self) -> dict[str, float]:
        return {label: item.wall for label, item in self._index.items() if item.wall > 0}

    def ran(self, label: str, wall: float, cpu: float) -> None:
        self._update(label, {"wall": round(wall, 3), "cpu": round(cpu, 3)})

    def is_new(self, label: str, taskhash: str, unihash: str) -> bool:
        """Whether the inputs of this state aren't remembered yet."""
        last = self._index.get(label)
        return last is None or (last.taskhash, last.unihash) != (taskhash, unihash)

    def remember(self, label: str, taskhash: str, unihash: str, inputs: Sequence[RecordedInput]) -> None:
        """``inputs``: all that the taskhash covers. For a new state of :meth:`is_new` only."""
        pn, _, task = label.rpartition(":")
        self._update(label, {"taskhash": taskhash, "unihash": unihash})
        self._changed.setdefault(pn, {})[task] = tuple(inputs)

    def inputs(self, label: str) -> tuple[RecordedInput, ...] | None:
        """Those that the task had in the last build that came to it."""
        pn, _, task = label.rpartition(":")
        if task in self._changed.get(pn, {}):
            return self._changed[pn][task]
        stored = self._stored(pn)
        return stored.of(stored.tasks).get(task)

    def before(self, label: str) -> tuple[RecordedInput, ...] | None:
        """Those that it had before they changed for the last time."""
        pn, _, task = label.rpartition(":")
        stored = self._stored(pn)
        return stored.of(stored.before).get(task)

    def save(self) -> None:
        if not self._dirty:
            return
        (self._directory / "inputs").mkdir(parents=True, exist_ok=True)
        for pn, tasks in self._changed.items():
            stored = self._stored(pn)
            last, before = stored.of(stored.tasks), stored.of(stored.before)
            before.update({task: last[task] for task in tasks if task in last})
            positions: dict[RecordedInput, int] = {}

            def place(
                states: Mapping[str, tuple[RecordedInput, ...]], positions: dict[RecordedInput, int] = positions
            ) -> dict[str, tuple[int, ...]]:
                return {
                    task: tuple(positions.setdefault(item, len(positions)) for item in items)
                    for task, items in states.items()
                }

            places, old = place({**last, **tasks}), place(before)
            content = _Inputs(texts=tuple(positions), tasks=places, before=old)
            write_atomically(self._file(pn), content.model_dump_json(exclude_defaults=True).encode())
        index = {label: item.model_dump() for label, item in sorted(self._index.items())}
        write_atomically(self._directory / "index.json", json.dumps(index, separators=(",", ":")).encode())
        self._changed.clear()
        self._dirty = False

    def _update(self, label: str, values: Mapping[str, str | float]) -> None:
        self._index[label] = self._index.get(label, Remembered()).model_copy(update=dict(values))
        self._dirty = True

    def _file(self, pn: str) -> Path:
        return self._directory / "inputs" / f"{pn.replace('/', '_')}.json"

    def _stored(self, pn: str) -> _Inputs:
        try:
            return _Inputs.model_validate_json(self._file(pn).read_bytes())
        except (OSError, ValidationError):
            return _Inputs()
