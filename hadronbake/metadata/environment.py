"""The user's environment: what of it the metadata sees, and a record of what it read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PASSTHROUGH = ("BBPATH", "HOME", "LOGNAME", "PATH", "SHELL", "USER", "LC_ALL", "HB_CACHE", "MACHINE", "DISTRO")
"""Environment variables that become variables unless BB_ENV_PASSTHROUGH says otherwise."""


class OriginalEnvironment:
    """The variable BB_ORIGENV: the whole environment, read by the methods of a datastore. ``reads``: the names asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self.reads: set[str] = set()

    def getVar(self, name: str, expand: bool = True, noweakdefault: bool = False, parsing: bool = False) -> str | None:
        self.reads.add(name)
        return self.environ.get(name)

    def getVarFlag(self, name: str, flag: str, expand: bool = True, noweakdefault: bool = False) -> str | None:
        return self.getVar(name) if flag == "_content" else None

    def keys(self) -> list[str]:
        self.reads.update(self.environ)
        return list(self.environ)

    def createCopy(self) -> OriginalEnvironment:
        return self

    def take_reads(self) -> tuple[tuple[str, str | None], ...]:
        """What was read since the last time, with the values, sorted."""
        found = tuple((name, self.environ.get(name)) for name in sorted(self.reads))
        self.reads.clear()
        return found

    def __contains__(self, name: object) -> bool:
        return self.getVar(str(name)) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __getitem__(self, name: str) -> str:
        value = self.getVar(name)
        if value is None:
            raise KeyError(name)
        return value

    def __copy__(self) -> OriginalEnvironment:
        return self


def let_through(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of the environment that becomes variables."""
    names = environ.get("BB_ENV_PASSTHROUGH")
    wanted = set(names.split() if names is not None else PASSTHROUGH)
    wanted |= set(environ.get("BB_ENV_PASSTHROUGH_ADDITIONS", "").split())
    return {name: environ[name] for name in sorted(wanted) if name in environ}


@contextmanager
def only_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Within the block ``os.environ`` has nothing else, so that no Python of the metadata reads what the cache can't know."""
    saved = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
