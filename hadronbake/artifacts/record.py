"""``Record``: what shared state keeps of one finished task (the ActionResult of REAPI, with the inputs of the hash)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Digest:
    """REAPI's Digest: SHA-256 in lower-case hex, and the size in bytes. (A sysroot has tens of thousands: no model of its own.)"""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    hash: str
    size: int


class RecordedInput(Frozen):
    """A variable, a file or a dependency that went into the taskhash.

    ``kind``: "variable", "file", "task" or "engine". ``value``: the hash text, the file's digest, or the dependency's unihash.
    ``task``: whose input it is, where a record tells of a task before its own that has no record; empty for its own.
    """

    kind: str
    name: str
    value: str
    file: str | None = None
    line: int = 0
    task: str = ""


class Record(Frozen):
    """taskhash → output. ``task`` is ``PN:do_task``; ``unihash`` is the taskhash under which ``outhash`` was first seen.

    ``tree`` is the digest of the root Directory of the output; ``inputs`` and ``log`` are digests of blobs (the inputs as
    canonical JSON, a list of RecordedInput: those of the task, then those of the tasks without records before it).
    ``tools``: program → version, of what ran the task. Times in seconds since 1970; ``cpu_seconds`` of all processes of the task.
    """

    version: int = 1
    taskhash: str
    task: str
    outhash: str
    unihash: str
    tree: Digest
    inputs: Digest
    log: Digest | None = None
    builder: str = ""
    sandbox_policy: str = ""
    tools: dict[str, str] = Field(default_factory=dict)
    finished: float = 0.0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0


class Equivalence(Frozen):
    """This output of this task stands for ``unihash``, whatever hash it was made under. ``taskhash``: the record that came first."""

    task: str
    outhash: str
    unihash: str
    taskhash: str


class Divergence(Frozen):
    """Records of one taskhash with different outputs: the task isn't reproducible. ``first`` is the one that counts. ``keys``: output →
    who signed its record."""

    first: Record
    others: tuple[Record, ...]
    keys: dict[str, str] = Field(default_factory=dict)
