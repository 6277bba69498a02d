"""The user's environment: what of it the metadata sees, and a record of what it read."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, MutableMapping
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


class _View(MutableMapping[str, str]):
    """``os.environ`` of a process that reads metadata: the real one, but in a thread within ``only_environment`` another.

    Downloads and tasks are started by other threads at the same time, and need the real one.
    """

    def __init__(self, real: MutableMapping[str, str]) -> None:
        self.real = real
        self.local = threading.local()

    def _now(self) -> MutableMapping[str, str]:
        return getattr(self.local, "environment", None) or self.real

    def __getitem__(self, key: str) -> str:
        return self._now()[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._now()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def copy(self) -> dict[str, str]:
        return dict(self._now())


class _Environment(dict[str, str]):
    """True even when empty, so that an empty environment is one too."""

    def __bool__(self) -> bool:
        return True


@contextmanager
def only_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Within the block ``os.environ`` has nothing else in this thread: no Python of the metadata reads what the cache can't know."""
    if not isinstance(os.environ, _View):
        os.environ = _View(os.environ)  # type: ignore[assignment]  # noqa: B003
    view = os.environ
    assert isinstance(view, _View)
    before = getattr(view.local, "environment", None)
    view.local.environment = _Environment(environment)
    try:
        yield
    finally:
        view.local.environment = before
