"""What this build directory remembers of each task: how long it took, and the inputs it had, for ``hbake why`` and ``hbake diff``.

    cache/history/index.json        label → taskhash, unihash, wall and CPU seconds of the last run
    cache/history/inputs/<PN>.json  the inputs of the recipe's tasks, of as many states as builds are kept; each text once for all

Both may be lost: then tasks are "new", and take their default duration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hadronbake.artifacts.record import RecordedInput
from hadronbake.execution.builds import KEPT
from hadronbake.execution.files import write_atomically


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Remembered(_Frozen):
    """``wall`` and ``cpu``: seconds; 0 for a task that never ran here."""

    taskhash: str = ""
    unihash: str = ""
    wall: float = 0.0
    cpu: float = 0.0


class _State(_Frozen):
    """A task as it was in some build; ``inputs``: positions in the texts. Older versions wrote no hashes."""

    taskhash: str = ""
    unihash: str = ""
    inputs: tuple[int, ...]


class _Inputs(_Frozen):
    """``texts``: each input once; ``states``: task → its states, the last one at the end. ``tasks`` and ``before``: the last two of
    each task as older versions wrote them."""

    texts: tuple[RecordedInput, ...] = ()
    states: Mapping[str, tuple[_State, ...]] = Field(default_factory=dict)
    tasks: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)
    before: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)

    def told(self, state: _State) -> tuple[RecordedInput, ...]:
        return tuple(self.texts[position] for position in state.inputs)


_INDEX = TypeAdapter(dict[str, Remembered])


class History:
    """Read when made. Nothing is written before :meth:`save`."""

    def __init__(self, topdir: Path) -> None:
        self._directory = topdir / "cache" / "history"
        self._index: dict[str, Remembered] = {}
        self._changed: dict[str, dict[str, tuple[RecordedInput, ...]]] = {}
        self._read: dict[str, _Inputs] = {}
        self._dirty = False
        with suppress(OSError, ValidationError):
            self._index = _INDEX.validate_json((self._directory / "index.json").read_bytes())
        self._loaded = dict(self._index)

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
        return self._earlier(label, 1)

    def before(self, label: str) -> tuple[RecordedInput, ...] | None:
        """Those that it had before they changed for the last time."""
        return self._earlier(label, 2)

    def had(self, label: str, taskhash: str, unihash: str = "") -> tuple[RecordedInput, ...] | None:
        """Those that it had when its hash was ``taskhash``; else when its output was known by ``unihash``, for the last time."""
        pn, _, task = label.rpartition(":")
        stored = self._stored(pn)
        states = [state for state in reversed(stored.states.get(task, ())) if state.taskhash]
        found = [state for state in states if state.taskhash == taskhash]
        found += [state for state in states if unihash and state.unihash == unihash]
        return stored.told(found[0]) if found else None

    def save(self) -> None:
        if not self._dirty:
            return
        (self._directory / "inputs").mkdir(parents=True, exist_ok=True)
        for pn, tasks in self._changed.items():
            stored = self._stored(pn)
            positions: dict[RecordedInput, int] = {}

            def place(
                items: Sequence[RecordedInput], positions: dict[RecordedInput, int] = positions
            ) -> tuple[int, ...]:
                return tuple(positions.setdefault(item, len(positions)) for item in items)

            states: dict[str, tuple[_State, ...]] = {}
            for task in dict.fromkeys([*stored.states, *tasks]):
                told = {(item.taskhash, item.unihash): stored.told(item) for item in stored.states.get(task, ())}
                if task in tasks:
                    now = self._index[f"{pn}:{task}"]
                    told.pop((now.taskhash, now.unihash), None)
                    told[now.taskhash, now.unihash] = tasks[task]
                states[task] = tuple(
                    _State(taskhash=taskhash, unihash=unihash, inputs=place(items))
                    for (taskhash, unihash), items in list(told.items())[-KEPT:]
                )
            content = _Inputs(texts=tuple(positions), states=states)
            write_atomically(self._file(pn), content.model_dump_json(exclude_defaults=True).encode())
        index = {label: item.model_dump() for label, item in sorted(self._index.items())}
        write_atomically(self._directory / "index.json", json.dumps(index, separators=(",", ":")).encode())
        self._changed.clear()
        self._read.clear()
        self._loaded = dict(self._index)
        self._dirty = False

    def _earlier(self, label: str, nth: int) -> tuple[RecordedInput, ...] | None:
        pn, _, task = label.rpartition(":")
        stored = self._stored(pn)
        states = stored.states.get(task, ())
        return stored.told(states[-nth]) if len(states) >= nth else None

    def _update(self, label: str, values: Mapping[str, str | float]) -> None:
        self._index[label] = self._index.get(label, Remembered()).model_copy(update=dict(values))
        self._dirty = True

    def _file(self, pn: str) -> Path:
        return self._directory / "inputs" / f"{pn.replace('/', '_')}.json"

    def _stored(self, pn: str) -> _Inputs:
        if pn not in self._read:
            try:
                found = _Inputs.model_validate_json(self._file(pn).read_bytes())
            except (OSError, ValidationError):
                found = _Inputs()
            self._read[pn] = found if found.states else self._as_states(pn, found)
        return self._read[pn]

    def _as_states(self, pn: str, found: _Inputs) -> _Inputs:
        states = {}
        for task, places in found.tasks.items():
            last = self._loaded.get(f"{pn}:{task}", Remembered())
            before = [_State(inputs=found.before[task])] if task in found.before else []
            now = _State(taskhash=last.taskhash, unihash=last.unihash, inputs=places)
            states[task] = (*before, now)
        return _Inputs(texts=found.texts, states=states)
