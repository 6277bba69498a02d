"""What parsing gave, kept in ``build/cache``: right after any change of a file or an environment variable that was read.

One table holds every recipe's model and the state of every file looked at, the missing ones too; so a warm start is one read and
one ``stat`` a file. Statements of files are kept by content, so that a new configuration doesn't mean new parsing.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, overload

import diskcache

from hadronbake import __version__
from hadronbake.datastore.dependencies import MISSING, RACY_NS, State, content_of, digest_of, known_digest, state_of
from hadronbake.diagnostics import Diagnostic
from hadronbake.language.statements import ParsedFile
from hadronbake.metadata.recipe import Recipe, Task
from hadronbake.metadata.storedstatements import FORMAT, pack, unpack

PACKAGE = Path(__file__).resolve().parent.parent
_ROOMS = ("language", "datastore", "metadata", "steps", "images", "artifacts", "fetching")
_TABLE, _STATEMENTS = "table", f"statements {FORMAT} "
_NOT_EMPTY = "statements"
_REFERENCES, _MOST_REFERENCES = "references", 8192
_CHANGES, _MOST_CHANGES = "changes", 20
_BROKEN = (
    sqlite3.Error,
    pickle.PickleError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)


class _Tasks(Mapping[str, Task]):
    """A recipe's tasks, made by ``_make`` when the first one is asked for."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: Mapping[str, Task] | None = None

    def _make(self) -> Mapping[str, Task]:
        raise NotImplementedError

    def _all(self) -> Mapping[str, Task]:
        if self._tasks is None:
            self._tasks = self._make()
        return self._tasks

    def __getitem__(self, key: str) -> Task:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class StoredTasks(_Tasks):
    """A recipe's tasks, unpickled when the first one is asked for."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def _make(self) -> Mapping[str, Task]:
        tasks: dict[str, Task] = pickle.loads(self._data)
        return tasks

    def __reduce__(self) -> tuple[Any, ...]:
        return (StoredTasks, (self._data,))

    def __repr__(self) -> str:
        return repr(self._all())


class TasksLater(_Tasks):
    """The tasks of a recipe that nobody wanted yet: ``load`` gives them. Stored and read again it has no ``load``."""

    __slots__ = ("_load",)

    def __init__(self, load: Callable[[], Mapping[str, Task]] | None = None) -> None:
        super().__init__()
        self._load = load

    def _make(self) -> Mapping[str, Task]:
        assert self._load is not None
        return self._load()

    def __reduce__(self) -> tuple[Any, ...]:
        return (TasksLater, ())


class Recipes(Sequence[Recipe]):
    """The recipes of one file, unpickled when the first one is asked for; how many there are, how many of them are ``skipped``, and
    of how many the tasks are to be worked out ``later``."""

    __slots__ = ("_data", "_known", "later", "skipped", "targets")

    def __init__(self, data: bytes, targets: int, skipped: int, later: int) -> None:
        self._data = data
        self._known: tuple[Recipe, ...] | None = None
        self.targets = targets
        self.skipped = skipped
        self.later = later

    @classmethod
    def of(cls, recipes: Sequence[Recipe]) -> Recipes:
        packed = tuple(pack_recipe(recipe) for recipe in recipes)
        skipped = sum(recipe.skipped is not None for recipe in packed)
        later = sum(isinstance(recipe.tasks, TasksLater) for recipe in packed)
        return cls(pickle.dumps(packed, pickle.HIGHEST_PROTOCOL), len(packed), skipped, later)

    def _all(self) -> tuple[Recipe, ...]:
        if self._known is None:
            self._known = pickle.loads(self._data)
        return self._known

    @overload
    def __getitem__(self, index: int) -> Recipe: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Recipe, ...]: ...
    def __getitem__(self, index: int | slice) -> Recipe | tuple[Recipe, ...]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Recipe]:
        return iter(self._all())

    def __len__(self) -> int:
        return self.targets

    def __reduce__(self) -> tuple[Any, ...]:
        return (Recipes, (self._data, self.targets, self.skipped, self.later))


class Looked(NamedTuple):
    """A file that a parse looked at. ``state`` is None where the file was too new to be told by it: then the digest counts."""

    path: str
    state: State | None
    digest: str | None

    @classmethod
    def at(cls, path: str, state: State, now: int) -> Looked:
        """``now``: nanoseconds since 1970, taken when the parse ended."""
        if state == MISSING:
            return cls(path, state, None)
        known = _looked.get(path)
        if known is not None and known.state == state:
            return known
        if os.path.isdir(path):  # noqa: PTH112
            found = cls(path, state, None)
        elif now - max(state[0], state[1]) < RACY_NS:
            return cls(path, None, digest_of(path))
        else:
            found = cls(path, state, digest_of(path))
        _looked[path] = found
        return found

    def holds(self) -> bool:
        """Whether the file is as it was: the same state, or at least the same content."""
        state = state_of(self.path)
        if state == self.state:
            return True
        if state == MISSING or self.state == MISSING or self.digest is None:
            return False
        return digest_of(self.path) == self.digest


# Most files are looked at for many recipes.
_looked: dict[str, Looked] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipe file: its recipes (one a variant), what they rest on, and what was said while it was parsed.

    ``errors``: why there are no recipes. ``refusals``: by recipe id why it must not be built. ``environment``: what was read of the
    user's environment.
    """

    path: str
    layer: str
    priority: int
    appends: tuple[str, ...]
    recipes: Recipes
    looked: tuple[Looked, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    refusals: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    environment: tuple[tuple[str, str | None], ...] = ()


def pack_recipe(recipe: Recipe) -> Recipe:
    """The recipe with its tasks in stored form."""
    if isinstance(recipe.tasks, _Tasks):
        return recipe
    return replace(recipe, tasks=StoredTasks(pickle.dumps(dict(recipe.tasks), pickle.HIGHEST_PROTOCOL)))


@lru_cache(maxsize=1)
def engine_digest() -> str:
    """SHA-256 over the version and the sources of the engine that parsing rests on."""
    digest = hashlib.sha256(__version__.encode())
    for room in _ROOMS:
        for path in sorted((PACKAGE / room).rglob("*")):
            if path.suffix in (".py", ".lark"):
                digest.update(str(path.relative_to(PACKAGE)).encode())
                digest.update(str(digest_of(str(path))).encode())
    return digest.hexdigest()


def _cache_in(directory: Path) -> diskcache.Cache:
    directory.mkdir(parents=True, exist_ok=True)
    return diskcache.Cache(str(directory), eviction_policy="none", cull_limit=0, disk_min_file_size=1 << 22, timeout=60)


class ParseCache:
    """Opened on a directory, made if missing. A broken cache is removed, said once to ``report``, and begun anew. Each configuration
    of BBMULTICONFIG (``mc``) has a table of its own in it."""

    def __init__(self, directory: Path, report: Callable[[str], None], mc: str = "") -> None:
        self.directory = directory
        self._table = f"{_TABLE}:{mc}" if mc else _TABLE
        self._report = report
        self._elsewhere: tempfile.TemporaryDirectory[str] | None = None
        self._cache = self._open()
        # There is nothing to look for in a new one.
        self._empty = self._get(_NOT_EMPTY) is None
        self._unsaved: dict[str, tuple[str, str, bytes]] = {}
        # Which table was loaded, and the entries that are kept beside it.
        self._token: str | None = None
        self._changes: dict[str, Entry] = {}

    def _open(self) -> diskcache.Cache:
        try:
            return _cache_in(self.directory)
        except (*_BROKEN, OSError) as error:
            return self._made_anew(error)

    def _made_anew(self, error: BaseException) -> diskcache.Cache:
        """Elsewhere, for this run, where the directory can't be written: what isn't kept only costs time."""
        try:
            shutil.rmtree(self.directory, ignore_errors=True)
            cache = _cache_in(self.directory)
        except (sqlite3.Error, OSError) as again:
            self._report(f"the parse cache {self.directory} can't be written ({again}): nothing of it is kept")
            self._elsewhere = tempfile.TemporaryDirectory(prefix="hadronbake-parse-")
            return _cache_in(Path(self._elsewhere.name))
        self._report(f"the parse cache {self.directory} is broken ({type(error).__name__}): it is made anew")
        return cache

    def _renew(self, error: BaseException) -> None:
        self._cache.close()
        self._cache = self._made_anew(error)

    def _get(self, key: Any) -> Any:
        try:
            return self._cache.get(key)
        except (*_BROKEN, OSError) as error:
            self._renew(error)
            return None

    def close(self) -> None:
        self.save_statements()
        self._cache.close()
        if self._elsewhere is not None:
            self._elsewhere.cleanup()

    # -- statements ----------------------------------------------------------------------------------------------------

    def read_statements(self, path: str) -> ParsedFile:
        """The statements of a file, parsed only if its content is new."""
        before = known_digest(path)
        if before is not None and (parsed := self._stored_statements(path, before)) is not None:
            return parsed
        try:
            data, digest = content_of(path)
        except OSError:
            return _parse_file(path)
        if digest != before and (parsed := self._stored_statements(path, digest)) is not None:
            return parsed
        parsed = _parse_file(path, data)
        self._unsaved[_STATEMENTS + path] = (engine_digest(), digest, pack(parsed))
        return parsed

    def _stored_statements(self, path: str, digest: str) -> ParsedFile | None:
        if self._empty:
            return None
        known = self._get(_STATEMENTS + path)
        if isinstance(known, tuple) and known[:2] == (engine_digest(), digest):
            return unpack(known[2])
        return None

    def save_statements(self) -> None:
        """Keep what was parsed since the last time."""
        unsaved, self._unsaved = self._unsaved, {}
        if unsaved:
            with suppress(sqlite3.Error, OSError, diskcache.Timeout), self._cache.transact():
                for key, value in unsaved.items():
                    self._cache.set(key, value)
                self._cache.set(_NOT_EMPTY, True)

    def _set(self, key: Any, value: Any) -> None:
        try:
            self._cache.set(key, value)
        except (sqlite3.Error, OSError, diskcache.Timeout):
            # A cache that cannot be written (disk full, another build holds it) only costs time.
            return

    # -- what code refers to -------------------------------------------------------------------------------------------

    def load_references(self) -> Mapping[Hashable, Any]:
        """What ``save_references`` was given by this version of the engine."""
        known = self._get(_REFERENCES)
        if isinstance(known, tuple) and len(known) == 2 and known[0] == engine_digest():
            with suppress(*_BROKEN, zlib.error):
                return dict(pickle.loads(zlib.decompress(known[1])))
        return {}

    def save_references(self, found: Mapping[Hashable, Any]) -> None:
        """Keep what code refers to; of very much, nothing."""
        if len(found) > _MOST_REFERENCES:
            return
        data = pickle.dumps(dict(found), pickle.HIGHEST_PROTOCOL)
        self._set(_REFERENCES, (engine_digest(), zlib.compress(data, 1)))

    # -- recipes -------------------------------------------------------------------------------------------------------

    def load(self, key: str, environ: Mapping[str, str]) -> dict[str, Entry]:
        """The entries by path that were saved under this key and still hold in this environment; none for another key."""
        data = self._get(self._table)
        self._changes = {}
        self._token = None
        if data is None:
            return {}
        try:
            if data[0] != key:
                return {}
            _, token, body = data
            looked, rows = pickle.loads(body)
            bad = {number for number, item in enumerate(looked) if not item.holds()}
            entries = {}
            for row in rows:
                path, layer, priority, appends, recipes, numbers, diagnostics, refusals, environment = row
                if bad.isdisjoint(numbers) and all(environ.get(name) == value for name, value in environment):
                    own = tuple(looked[number] for number in numbers)
                    entries[path] = Entry(
                        path, layer, priority, appends, recipes, own, diagnostics, (), refusals, environment
                    )
            changes = self._get((self._table, _CHANGES))
            if changes is not None and changes[0] == token:
                self._changes = pickle.loads(changes[1])
            for path, entry in self._changes.items():
                if all(item.holds() for item in entry.looked) and all(
                    environ.get(name) == value for name, value in entry.environment
                ):
                    entries[path] = entry
            self._token = token
            return entries
        except _BROKEN as error:
            self._renew(error)
            return {}

    def save_changes(self, key: str, entries: Sequence[Entry], changed: Sequence[Entry]) -> None:
        """Save entries of which only ``changed`` differ from what ``load`` gave: a few are put beside the table."""
        if self._token is not None and not changed:
            return
        changes = {**self._changes, **{entry.path: entry for entry in changed}}
        if self._token is None or len(changes) > _MOST_CHANGES:
            self.save(key, entries)
            return
        self._changes = changes
        self._set((self._table, _CHANGES), (self._token, pickle.dumps(changes, pickle.HIGHEST_PROTOCOL)))

    def save(self, key: str, entries: Sequence[Entry]) -> None:
        """Replace the table by entries without errors."""
        self._token, self._changes = os.urandom(8).hex(), {}
        numbers: dict[Looked, int] = {}
        rows = []
        for entry in entries:
            own = tuple(numbers.setdefault(item, len(numbers)) for item in entry.looked)
            rows.append(
                (
                    entry.path,
                    entry.layer,
                    entry.priority,
                    entry.appends,
                    entry.recipes,
                    own,
                    entry.diagnostics,
                    entry.refusals,
                    entry.environment,
                )
            )
        body = pickle.dumps((list(numbers), rows), pickle.HIGHEST_PROTOCOL)
        try:
            self._cache.set(self._table, (key, self._token, body))
        except (sqlite3.Error, OSError, diskcache.Timeout) as error:
            self._report(f"the parse cache {self.directory} cannot be written: {error}")


def _parse_file(path: str, data: bytes | None = None) -> ParsedFile:
    """``data``: what is in it, if that is known."""
    # The grammar takes a tenth of a second to load.
    from hadronbake.language.parser import KINDS, parse_bytes, parse_file

    kind = KINDS.get(os.path.splitext(path)[1])  # noqa: PTH122
    return parse_file(Path(path)) if data is None or kind is None else parse_bytes(data, path, kind)
