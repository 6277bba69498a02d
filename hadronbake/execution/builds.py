"""What this build directory remembers of each build: its targets, and the hashes of all tasks that it came to.

    cache/builds/NUMBER.json.gz    one Build; the last 30 stay

Such a file tells another machine all that this build was, if it can look the records up.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.files import write_atomically
from hadronbake.planning.plan import Plan

KEPT = 30
_NAME = re.compile(r"(\d+)\.json\.gz")


class Build(BaseModel):
    """``began``: seconds since 1970; ``wall``: seconds; ``ran``: how many tasks; ``tasks``: label → taskhash and unihash, of all
    tasks but those that do nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    targets: tuple[str, ...]
    began: float
    wall: float
    ok: bool
    ran: int
    tasks: Mapping[str, tuple[str, str]]


def made(targets: tuple[str, ...], plan: Plan, began: float, wall: float, ok: bool, ran: int) -> Build:
    """What there is to remember of a build; it has no number yet."""
    nodes = plan.graph.nodes
    tasks = {
        label: (taskhash, plan.unihash.get(label, ""))
        for label, taskhash in sorted(plan.taskhash.items())
        if not nodes[label].task.noexec
    }
    return Build(number=0, targets=targets, began=round(began, 3), wall=round(wall, 3), ok=ok, ran=ran, tasks=tasks)


def keep(topdir: Path, build: Build) -> Build:
    """Writes it under the next number, which it gets. Call with the build directory locked. Raises OSError."""
    directory = topdir / "cache" / "builds"
    numbers = _numbers(directory)
    numbered = build.model_copy(update={"number": numbers[-1] + 1 if numbers else 1})
    directory.mkdir(parents=True, exist_ok=True)
    content = gzip.compress(numbered.model_dump_json().encode(), 1, mtime=0)
    write_atomically(_path(directory, numbered.number), content)
    for number in numbers[: -KEPT + 1]:
        _path(directory, number).unlink(missing_ok=True)
    return numbered


def listed(topdir: Path) -> list[Build]:
    """All that are there, the oldest first; damaged ones are left out."""
    directory = topdir / "cache" / "builds"
    found = []
    for number in _numbers(directory):
        with suppress(HadronbakeError):
            found.append(read(_path(directory, number)))
    return found


def named(topdir: Path, name: str) -> Build:
    """``name``: a number as ``hbake builds`` shows it; -1 for the last build, -2 for that before. Raises HBE040."""
    directory = topdir / "cache" / "builds"
    numbers = _numbers(directory)
    wanted = int(name) if re.fullmatch(r"-?\d+", name) else 0
    if wanted < 0:
        wanted = numbers[wanted] if -wanted <= len(numbers) else 0
    if wanted not in numbers:
        there = f"{numbers[0]} to {numbers[-1]} are there" if numbers else "none has been kept yet"
        raise HadronbakeError.of("HBE040", f"{topdir} has no build @{name}", hint=f"`hbake builds` lists them; {there}")
    return read(_path(directory, wanted))


def read(path: Path) -> Build:
    """Raises HBE041."""
    try:
        return Build.model_validate_json(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = "it is damaged" if not isinstance(error, OSError) or not error.strerror else error.strerror
        raise HadronbakeError.of("HBE041", f"the build {path} can't be read: {reason}") from error


def _numbers(directory: Path) -> list[int]:
    if not directory.is_dir():
        return []
    return sorted(int(match[1]) for path in directory.iterdir() if (match := _NAME.fullmatch(path.name)))


def _path(directory: Path, number: int) -> Path:
    return directory / f"{number:06}.json.gz"
