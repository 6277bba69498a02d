"""Taskhash: SHA-256 over a canonical encoding of all that a task depends on; and the same as a list, for records.

Encoding: each byte string is preceded by its length, each list by its count, as 8 bytes, big-endian. So no two different
lists of inputs have one encoding.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping

from hadronbake.artifacts.record import RecordedInput
from hadronbake.metadata.recipe import FileInput, RecipeInputs, Task

_ABSENT = "absent"


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">Q", len(data)) + data


def _pairs(pairs: Iterable[tuple[str, str]]) -> bytes:
    rows = sorted(set(pairs))
    return struct.pack(">Q", len(rows)) + b"".join(_text(name) + _text(value) for name, value in rows)


def taskhash(
    basehash: str, files: Iterable[FileInput], dependencies: Iterable[tuple[str, str]], taint: str = ""
) -> str:
    """Lower-case hex. ``dependencies`` are (label, unihash); the order of files and dependencies doesn't matter."""
    state = hashlib.sha256(_text("hadronbake taskhash 1"))
    state.update(_text(basehash))
    state.update(_pairs((file.label, file.digest or _ABSENT) for file in files))
    state.update(_pairs(dependencies))
    state.update(_text(taint))
    return state.hexdigest()


def recorded_inputs(
    task: Task, inputs: RecipeInputs, dependencies: Mapping[str, str], taint: str = ""
) -> tuple[RecordedInput, ...]:
    """All that :func:`taskhash` covers, each thing by itself, in the order of kind and name."""
    found: list[RecordedInput] = []
    for name in inputs.tasks.get(task.name, ()):
        value = inputs.values.get(name)
        if value is None:
            continue
        kind = "engine" if name.startswith("hb.") else "variable"
        where = value.location
        found.append(
            RecordedInput(
                kind=kind,
                name=name,
                value=value.text,
                file=where.file if where else None,
                line=where.line if where else 0,
            )
        )
    for file in task.files:
        found.append(RecordedInput(kind="file", name=file.label, value=file.digest or _ABSENT, file=file.path))
    for label, unihash in dependencies.items():
        found.append(RecordedInput(kind="task", name=label, value=unihash))
    if taint:
        found.append(RecordedInput(kind="engine", name="forced", value=taint))
    return tuple(sorted(found, key=lambda item: (item.kind, item.name, item.value)))
