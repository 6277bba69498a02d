"""Which files a parse looked at, in which state: what the parse cache has to check to know that it is still right."""

# ruff: noqa: PTH116
from __future__ import annotations

import os
from collections.abc import Iterator

# A file changed within this many nanoseconds before it was looked at may change again within the clock's tick.
RACY_NS = 50_000_000

State = tuple[int, int, int, int]
"""mtime_ns, ctime_ns, size, inode."""

MISSING: State = (0, 0, 0, 0)


def state_of(path: str) -> State:
    """The state of a file, directory or missing path."""
    try:
        info = os.stat(path)
    except OSError:
        return MISSING
    return (info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino)


class ParseDependencies:
    """The paths looked at, missing ones too, with the state they had at the first look. Shared by a recipe's variants."""

    __slots__ = ("states",)

    def __init__(self) -> None:
        self.states: dict[str, State] = {}

    def note(self, path: str) -> State:
        """Record a path (made absolute) and give its state."""
        if not path.startswith("/"):
            path = os.path.abspath(path)  # noqa: PTH100
        state = self.states.get(path)
        if state is None:
            state = self.states[path] = state_of(path)
        return state

    def __iter__(self) -> Iterator[str]:
        return iter(self.states)

    def __contains__(self, path: object) -> bool:
        return path in self.states

    def __len__(self) -> int:
        return len(self.states)


def dependencies_of(d: object) -> ParseDependencies:
    """The record of a datastore (variable ``__depends``), made if there is none."""
    found = d.getVar("__depends", False)  # type: ignore[attr-defined]
    if not isinstance(found, ParseDependencies):
        found = ParseDependencies()
        d.setVar("__depends", found)  # type: ignore[attr-defined]
    return found
