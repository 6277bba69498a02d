"""Parsing of many recipe files, in this process or in several, to entries of the parse cache."""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hadronbake.datastore import evaluator
from hadronbake.datastore.dependencies import ParseDependencies
from hadronbake.datastore.embedded import events
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, Severity
from hadronbake.metadata.configuration import Configuration
from hadronbake.metadata.environment import only_environment
from hadronbake.metadata.failures import caller, explain, with_excerpt
from hadronbake.metadata.foreigncode import contained
from hadronbake.metadata.hostpaths import host_paths
from hadronbake.metadata.layers import RecipeFile
from hadronbake.metadata.parsecache import Entry, Looked, Recipes, TasksLater
from hadronbake.metadata.recipe import Recipe, Task
from hadronbake.metadata.recipes import make_head, make_recipe
from hadronbake.metadata.steps import register_steps
from hadronbake.metadata.suspects import find_suspects
from hadronbake.metadata.variants import Variant, parse_recipe

_SMALL = 20


class Messages(logging.Handler):
    """Collects what the metadata logs, as diagnostics; notes and debugging are left out."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[Diagnostic] = []
        self.place: Location | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.CRITICAL:
            # What comes of bb.fatal is raised as well.
            return
        severity = Severity.ERROR if record.levelno >= logging.ERROR else Severity.WARNING
        code = "HBM061" if severity is Severity.ERROR else "HBM060"
        given = record.__dict__
        place = given.get("place") or caller() or Diagnostic("", "", self.place)
        code, hint = given.get("code", code), given.get("hint")
        item = replace(place, code=code, message=record.getMessage(), severity=severity, hint=hint)
        if item not in self.found:
            self.found.append(item)

    def __enter__(self) -> Messages:
        logger = logging.getLogger("BitBake")
        self._propagate, logger.propagate = logger.propagate, False
        logger.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logger = logging.getLogger("BitBake")
        logger.removeHandler(self)
        logger.propagate = self._propagate


def finalised(file: RecipeFile, configuration: Configuration, variant: str = "") -> DataStore:
    """The datastore of one variant, anew. Raises HadronbakeError."""
    register_steps()
    with only_environment(configuration.environment), Messages(), contained():
        events.set_handlers(dict(configuration.handlers))
        found, _ = parse_recipe(file, configuration.d, variant)
    return found[variant].d


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """The tasks of one recipe, with what they rest on beside what parsing its file looked at. ``refusals``: why it must not be built."""

    tasks: Mapping[str, Task]
    refusals: tuple[Diagnostic, ...]
    looked: tuple[Looked, ...]
    diagnostics: tuple[Diagnostic, ...]
    environment: tuple[tuple[str, str | None], ...]


def work_out(
    file: RecipeFile, recipe: Recipe, d: DataStore, configuration: Configuration, read: Iterable[str]
) -> WorkedOut:
    """The tasks of a recipe whose finalised datastore is ``d``. ``read``: the files that were, for it. Raises HadronbakeError."""
    register_steps()
    evaluator.warnings.clear()
    configuration.original.take_reads()
    messages = Messages()
    messages.place = Location(file.path)
    dependencies = ParseDependencies()
    variant = Variant(recipe.variant, d, recipe.skipped, tuple(d.getVar("__BBTASKS", False) or ()))
    with only_environment(configuration.environment), messages, contained():
        try:
            done = make_recipe(variant, file, dependencies, host_paths(configuration.d), read)
            doubts = [*_doubts(variant, configuration, read), *done.warnings]
        except BaseException as error:
            if _is_users(error):
                raise
            raise HadronbakeError(*_all_said(messages, error, file.path, Path(configuration.topdir))) from error
    return WorkedOut(
        done.recipe.tasks,
        tuple(with_excerpt(item) for item in done.refusals),
        _looked(dependencies),
        _warnings(messages, doubts),
        configuration.original.take_reads(),
    )


def parse(
    file: RecipeFile, configuration: Configuration, paths: re.Pattern[str] | None, with_tasks: bool = True
) -> Entry:
    """Parse one recipe file. Errors are in the entry, not raised. Without ``with_tasks`` the recipes' tasks are ``TasksLater``."""
    register_steps()
    d = configuration.d
    messages = Messages()
    messages.place = Location(file.path)
    evaluator.warnings.clear()
    configuration.original.take_reads()
    found: dict[str, Variant] = {}
    recipes: list[Recipe] = []
    refusals: dict[str, tuple[Diagnostic, ...]] = {}
    errors: tuple[Diagnostic, ...] = ()
    doubts: list[Diagnostic] = []
    dependencies = ParseDependencies()
    with only_environment(configuration.environment), messages, contained():
        events.set_handlers(dict(configuration.handlers))
        try:
            found, dependencies = parse_recipe(file, d)
            for variant in found.values():
                if not with_tasks:
                    recipes.append(make_head(variant, file, TasksLater()))
                    continue
                try:
                    done = make_recipe(variant, file, dependencies, paths)
                except HadronbakeError as error:
                    if not error.diagnostics:
                        raise
                    # What is wrong with one variant needn't be with the others.
                    errors += _all_said(messages, error, file.path, Path(configuration.topdir))
                    continue
                recipes.append(done.recipe)
                doubts += [*_doubts(variant, configuration, dependencies), *done.warnings]
                if done.refusals:
                    refusals[done.recipe.id] = tuple(with_excerpt(item) for item in done.refusals)
        except BaseException as error:
            if _is_users(error):
                raise
            errors += _all_said(messages, error, file.path, Path(configuration.topdir))
    if errors:
        recipes.clear()
    return Entry(
        file.path,
        file.layer,
        file.priority,
        file.appends,
        Recipes.of(recipes),
        _looked(dependencies),
        _warnings(messages, doubts),
        tuple(dict.fromkeys(errors)),
        {} if errors else refusals,
        configuration.original.take_reads(),
    )


def _looked(dependencies: ParseDependencies) -> tuple[Looked, ...]:
    now = time.time_ns()
    return tuple(Looked.at(path, state, now) for path, state in dependencies.states.items())


def _warnings(messages: Messages, doubts: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(with_excerpt(item) for item in dict.fromkeys([*evaluator.warnings, *messages.found, *doubts]))


def _is_users(error: BaseException) -> bool:
    """Not the recipe's: an interrupt, where interrupts come."""
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def _doubts(variant: Variant, configuration: Configuration, files: Iterable[str]) -> list[Diagnostic]:
    return [] if variant.skipped is not None else find_suspects(variant.d, configuration.d, variant.tasks, files)


def _all_said(messages: Messages, error: BaseException, path: str, directory: Path) -> tuple[Diagnostic, ...]:
    """What ended the reading, and what was said of it before: "see above" is all that some errors say."""
    before = [item for item in messages.found if item.severity is Severity.ERROR]
    return tuple(dict.fromkeys([*before, *explain(error, path, directory)]))


def parse_all(
    files: Sequence[RecipeFile],
    configuration: Configuration,
    progress: Callable[[int, int], None],
    processes: int | None = None,
    with_tasks: bool = True,
    keep: Callable[[], None] = lambda: None,
) -> Iterator[Entry]:
    """The entries of all files, as they are done. More than a few are parsed in as many processes as there are processors, each of
    which calls ``keep`` now and then, to keep what it has read."""
    paths = host_paths(configuration.d)
    if files:
        # Before the fork, so that no process has to do it for itself.
        register_steps()
    count = min(processes or len(os.sched_getaffinity(0)), len(files))
    if len(files) <= _SMALL or count < 2:
        for number, file in enumerate(files, 1):
            yield parse(file, configuration, paths, with_tasks)
            progress(number, len(files))
        return
    # Many need several processes, whose library takes long to load.
    from hadronbake.metadata.processes import parse_in

    # Else each process would keep it.
    keep()
    number = 0
    for entries in parse_in(count, files, lambda file: parse(file, configuration, paths, with_tasks), keep):
        yield from entries
        number += len(entries)
        progress(number, len(files))
