"""``Workspace``: the metadata of one build directory, ready to be asked."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from threading import RLock

from hadronbake.datastore import evaluator
from hadronbake.datastore.dependencies import State, digest_of, state_of
from hadronbake.datastore.inline import METADATA, find, find_in_statement
from hadronbake.datastore.memory import Memory
from hadronbake.datastore.references import set_memory
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Severity, closest, render
from hadronbake.metadata.collection import all_stays, uncollected
from hadronbake.metadata.configuration import Configuration, read_again_tracking, read_configuration, read_others
from hadronbake.metadata.failures import explain, with_excerpt
from hadronbake.metadata.foreigncode import contained
from hadronbake.metadata.layers import Layer, RecipeFile, collect_files, dangling_appends
from hadronbake.metadata.parsecache import Entry, ParseCache, Recipes, TasksLater, engine_digest
from hadronbake.metadata.parsing import Messages, WorkedOut, finalised, parse_all, work_out
from hadronbake.metadata.payloads import make_payload
from hadronbake.metadata.providers import Providers, preferences_of
from hadronbake.metadata.recipe import Recipe, RecipeInputs, Task, TaskPayload, split_configuration
from hadronbake.metadata.recipes import make_inputs
from hadronbake.metadata.settings import find_wrong_settings
from hadronbake.metadata.summary import Statistics, forget, keep
from hadronbake.metadata.variants import Variant

_KEPT_STORES = 32
# Of this many recipe files that must be parsed, the tasks are worked out at once, with their hashes: whoever changed a layer sees
# all that is wrong with it. Of more, which are somebody else's, only when a task is wanted: that is most of the work.
_AT_ONCE = 250


def _nothing(*_: object) -> None:
    pass


class Workspace:
    """Made by :meth:`open`. Everything in it is as it was then; what is asked for later (``datastore``, ``payload``) is made
    from the files as they are then, which must not have changed meanwhile. ``others``: the same for each configuration that
    BBMULTICONFIG names; what is asked of a recipe by its id goes to the one that has it."""

    def __init__(
        self,
        base: Configuration,
        files: Mapping[str, RecipeFile],
        cache: ParseCache,
        key: str,
        diagnostics: tuple[Diagnostic, ...],
        statistics: Statistics,
        refusals: Mapping[str, tuple[Diagnostic, ...]],
        entries: dict[str, Entry],
        report: Callable[[str], None],
    ) -> None:
        self.base = base
        self.others: Mapping[str, Workspace] = {}
        self._refusals = refusals
        self._entries = entries
        self._report = report
        self._worked_out: dict[str, dict[str, WorkedOut]] = {}
        self._lock = RLock()
        self.diagnostics = diagnostics
        self.statistics = statistics
        self._files = files
        self._cache = cache
        self._key = key
        self._listed: Mapping[str, State] = {}
        self._stores: OrderedDict[str, DataStore] = OrderedDict()
        self._inputs: OrderedDict[str, RecipeInputs] = OrderedDict()

    @classmethod
    def open(
        cls,
        topdir: Path,
        environ: Mapping[str, str],
        report: Callable[[str], None] = _nothing,
        progress: Callable[[int, int], None] = _nothing,
        *,
        prefiles: tuple[str, ...] = (),
        postfiles: tuple[str, ...] = (),
        processes: int | None = None,
        lenient: bool = False,
        all_tasks: bool = False,
        summarise: bool = False,
    ) -> Workspace:
        """Read the configuration and all recipes, from the cache where that is right.

        ``report`` is given lines for the user, ``progress`` (recipe files parsed, of how many). Raises HadronbakeError with
        the findings of all recipes; ``lenient`` leaves out the recipes that have errors, which are then in ``diagnostics``.
        With ``all_tasks`` the tasks of all recipes are worked out too, and what is wrong in them is found. With ``summarise`` the
        statistics and findings are kept for ``summary.known``.
        """
        topdir = topdir.absolute()
        caches: dict[str, ParseCache] = {}
        caches[""] = ParseCache(topdir / "cache" / "parse", report)
        evaluator.set_reader(caches[""].read_statements)
        memory = Memory(caches[""].load_references)
        set_memory(memory)
        evaluator.warnings.clear()
        with Messages() as messages, contained(), uncollected():
            try:
                base = read_configuration(topdir, environ, prefiles=prefiles, postfiles=postfiles)
                bases = {"": base, **read_others(base)}
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                before = [item for item in messages.found if item.severity is Severity.ERROR]
                raise HadronbakeError(*before, *explain(error, str(topdir / "conf/bblayers.conf"), topdir)) from error
            finally:
                caches[""].save_statements()
        said = [*evaluator.warnings, *messages.found]
        read: dict[str, Workspace] = {}
        wrong: list[Diagnostic] = []
        for mc, own in bases.items():
            cache = caches.get(mc) or ParseCache(topdir / "cache" / "parse", report, mc)
            try:
                read[mc] = cls._open(own, said, cache, report, progress, processes, lenient, all_tasks)
            except HadronbakeError as error:
                wrong.extend(error.diagnostics)
            said = []
        if wrong:
            raise HadronbakeError(*dict.fromkeys(wrong))
        if memory.grown:
            caches[""].save_references(memory.all())
        workspace = read.pop("")
        workspace.others = read
        workspace.diagnostics = tuple(
            dict.fromkeys(item for own in (workspace, *read.values()) for item in own.diagnostics)
        )
        if summarise and not lenient:
            workspace._summarise()
        return workspace

    @classmethod
    def _open(
        cls,
        base: Configuration,
        said: list[Diagnostic],
        cache: ParseCache,
        report: Callable[[str], None],
        progress: Callable[[int, int], None],
        processes: int | None,
        lenient: bool,
        all_tasks: bool,
    ) -> Workspace:
        """The recipes of one configuration."""
        evaluator.set_reader(cache.read_statements)
        evaluator.warnings.clear()
        with Messages() as messages, contained():
            try:
                found = collect_files(base.d, base.layers)
                dangling = dangling_appends(found, base.d)
                errors = find_wrong_settings(base.d)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                before = [item for item in messages.found if item.severity is Severity.ERROR]
                where = f"{base.topdir}/conf/bblayers.conf"
                raise HadronbakeError(*before, *explain(error, where, Path(base.topdir))) from error
        said = [*said, *(with_excerpt(item) for item in (*evaluator.warnings, *messages.found, *found.warnings))]
        evaluator.warnings.clear()
        if dangling is not None:
            (errors if dangling.severity is Severity.ERROR else said).append(dangling)
        key = f"{engine_digest()}-{base.digest}"
        files = {file.path: file for file in found.recipes}
        entries, parsed = _entries(files, base, cache, key, progress, processes, all_tasks)
        refusals: dict[str, tuple[Diagnostic, ...]] = {}
        for entry in entries.values():
            said.extend(entry.diagnostics)
            # They are errors for whoever wants to build the recipe, and nobody else.
            said += [replace(item, severity=Severity.WARNING) for own in entry.refusals.values() for item in own]
            refusals.update(entry.refusals)
        errors += [item for entry in entries.values() for item in entry.errors]
        if errors and not lenient:
            raise HadronbakeError(*dict.fromkeys(errors))
        said.extend(errors)
        recipes = [entry.recipes for entry in entries.values()]
        statistics = Statistics(
            parsed=parsed,
            cached=len(entries) - parsed,
            masked=found.masked,
            targets=sum(item.targets for item in recipes),
            skipped=sum(item.skipped for item in recipes),
            later=sum(item.later for item in recipes),
        )
        workspace = cls(base, files, cache, key, tuple(dict.fromkeys(said)), statistics, refusals, entries, report)
        workspace._listed = found.listed
        return workspace

    @cached_property
    def recipes(self) -> Mapping[str, Recipe]:
        """By id."""
        return {
            name: replace(recipe, tasks=TasksLater(partial(self._work_out, name)))
            if isinstance(recipe.tasks, TasksLater)
            else recipe
            for path in self._files
            for name, recipe in ((item.id, item) for item in self._entries[path].recipes)
        }

    @cached_property
    def providers(self) -> Providers:
        return Providers(self.recipes, preferences_of(self.base.d), self._refusals)

    @property
    def configuration(self) -> DataStore:
        """The base configuration; not to be changed."""
        return self.base.d

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.base.layers

    def all_statistics(self) -> Statistics:
        """Those of all configurations together."""
        found = self.statistics
        for other in self.others.values():
            found = found.with_others(other.statistics)
        return found

    def everywhere(self) -> Mapping[str, Recipe]:
        """The recipes of all configurations by id."""
        return {**self.recipes, **{key: recipe for own in self.others.values() for key, recipe in own.recipes.items()}}

    def of(self, recipe_id: str) -> Workspace:
        """The one of these that has the recipe, or would have it."""
        return self.others.get(split_configuration(recipe_id)[0], self) if self.others else self

    def file(self, recipe_id: str) -> RecipeFile:
        """The recipe's file, with its layer and its appends."""
        if (other := self.of(recipe_id)) is not self:
            return other.file(recipe_id)
        return self._files[self._recipe(recipe_id).file]

    def inputs(self, recipe_id: str) -> RecipeInputs:
        """What the basehashes of the recipe's tasks cover. Raises HadronbakeError."""
        if (other := self.of(recipe_id)) is not self:
            return other.inputs(recipe_id)
        known = self._inputs.get(recipe_id)
        if known is None:
            recipe, d = self._recipe(recipe_id), self.datastore(recipe_id)
            tasks = tuple(d.getVar("__BBTASKS", False) or ())
            known = self._inputs[recipe_id] = make_inputs(Variant(recipe.variant, d, recipe.skipped, tasks))
            if len(self._inputs) > _KEPT_STORES:
                self._inputs.popitem(last=False)
        self._inputs.move_to_end(recipe_id)
        return known

    def datastore(self, recipe_id: str, *, history: bool = False) -> DataStore:
        """The finalised datastore of a recipe; with ``history`` every operation on every variable is recorded in it."""
        if (other := self.of(recipe_id)) is not self:
            return other.datastore(recipe_id, history=history)
        recipe = self._recipe(recipe_id)
        if history:
            return finalised(self.file(recipe_id), read_again_tracking(self.base), recipe.variant)
        known = self._stores.get(recipe_id)
        if known is None:
            known = self._stores[recipe_id] = finalised(self.file(recipe_id), self.base, recipe.variant)
            if len(self._stores) > _KEPT_STORES:
                self._stores.popitem(last=False)
        self._stores.move_to_end(recipe_id)
        return known

    def place_of(self, recipe_id: str, task: str | None, word: str) -> Diagnostic | None:
        """Where a recipe, or one of its tasks, names what it depends on: a diagnostic yet without a text."""
        if (other := self.of(recipe_id)) is not self:
            return other.place_of(recipe_id, task, word)
        files = [item.path for item in self._entries[self.file(recipe_id).path].looked if item.path.endswith(METADATA)]
        if task is not None:
            return find_in_statement(rf"{re.escape(task)}\[(?:[a-z-]*depends|[a-z]*task)\]", word, files)
        lists = r"(?:[\w-]*DEPENDS|[\w-]*RECOMMENDS|PACKAGECONFIG)\b"
        seen = find_in_statement(lists, word, files, strictly=True)
        if seen is None and (found := find(word, None, files, whole=True)) is not None:
            place, excerpt = found.place()
            seen = Diagnostic("", "", place, excerpt=excerpt, length=len(word))
        return seen

    def at_source(self, recipe_id: str, item: Diagnostic) -> Diagnostic:
        """A finding about a source where the recipe has its checksum, or else its URI, if it has no place yet."""
        if (other := self.of(recipe_id)) is not self:
            return other.at_source(recipe_id, item)
        if item.location is not None or not item.code.startswith("HBF"):
            return item
        files = [
            entry.path for entry in self._entries[self.file(recipe_id).path].looked if entry.path.endswith(METADATA)
        ]
        d = self.datastore(recipe_id)
        for word in re.findall(r"SRC_URI\[[\w.-]+\]|\b[0-9a-f]{40,64}\b|'[^']+'", item.message):
            if word.startswith("'"):
                seen = find_in_statement(r"SRC_URI\b(?!\[)", word.strip("'"), files, d.expand, strictly=True)
            elif word.startswith("SRC_URI"):
                seen = find_in_statement(re.escape(word), "", files)
            else:
                seen = find_in_statement(r"(?:SRC_URI\[|SRCREV)", word, files, d.expand, strictly=True)
            if seen is not None:
                return replace(item, location=seen.location, excerpt=seen.excerpt, length=seen.length)
        return item

    def payload(self, recipe_id: str, task: str) -> TaskPayload:
        """The scripts and values that running the task needs. Raises HadronbakeError."""
        return make_payload(recipe_id, task, self.datastore(recipe_id))

    def close(self) -> None:
        """Keep in the cache what was worked out since."""
        for other in self.others.values():
            other.close()
        if self._worked_out:
            for path, done in self._worked_out.items():
                self._entries[path] = _with_tasks(self._entries[path], done)
            self._worked_out = {}
            self._cache.save(self._key, list(self._entries.values()))
            forget(Path(self.base.topdir))
        self._cache.close()

    def _summarise(self) -> None:
        rests: dict[str, tuple[State | None, str | None]] = {}
        reads: set[tuple[str, str | None]] = set()
        for own in (self, *self.others.values()):
            rests.update((path, (state, None)) for path, state in own._listed.items())
            reads.update(own.base.reads)
            for path, state in own.base.d.getVar("__base_depends", False).states.items():
                # If it was changed meanwhile, its digest says nothing of what was read.
                settled = state_of(path) == state and not Path(path).is_dir()
                rests[path] = (state, digest_of(path) if settled else None)
            looked = {id(item): item for entry in own._entries.values() for item in entry.looked}
            rests.update((item.path, (item.state, item.digest)) for item in looked.values())
            for entry in own._entries.values():
                reads.update(entry.environment)
        base = self.base
        if not any(base.options):
            keep(Path(base.topdir), base.original.environ, reads, rests, self.all_statistics(), self.diagnostics)

    def _work_out(self, recipe_id: str) -> Mapping[str, Task]:
        """The tasks of a recipe that had none yet. Raises HadronbakeError, also if it must not be built."""
        with self._lock:
            recipe, file = self._recipe(recipe_id), self.file(recipe_id)
            read = [item.path for item in self._entries[file.path].looked]
            done = work_out(file, recipe, self.datastore(recipe_id), self.base, read)
            if done.refusals:
                raise HadronbakeError(*done.refusals)
            for item in done.diagnostics:
                self._report(render(item))
            self._worked_out.setdefault(file.path, {})[recipe_id] = done
            return done.tasks

    def _recipe(self, recipe_id: str) -> Recipe:
        recipe = self.recipes.get(recipe_id)
        if recipe is None:
            near = closest(recipe_id, self.recipes)
            raise HadronbakeError.of(
                "HBM070", f"there is no recipe {recipe_id}", hint=f"did you mean {near}?" if near else None
            )
        return recipe


def _entries(
    files: Mapping[str, RecipeFile],
    base: Configuration,
    cache: ParseCache,
    key: str,
    progress: Callable[[int, int], None],
    processes: int | None,
    all_tasks: bool,
) -> tuple[dict[str, Entry], int]:
    """An entry for each file: from the cache if it still holds, else parsed now; what was parsed well is saved. And how many were
    parsed."""
    with uncollected():
        known = cache.load(key, base.original.environ)
    entries = {
        path: entry
        for path, file in files.items()
        if (entry := known.get(path)) is not None
        and (entry.layer, entry.priority, entry.appends) == (file.layer, file.priority, file.appends)
        and not (all_tasks and entry.recipes.later)
    }
    stale = [file for path, file in files.items() if path not in entries]
    if not stale and known.keys() <= files.keys():
        return entries, 0
    try:
        with_tasks = all_tasks or len(stale) <= _AT_ONCE
        with all_stays():
            for entry in parse_all(stale, base, progress, processes, with_tasks, cache.save_statements):
                entries[entry.path] = entry
    finally:
        # What was done before an interrupt need not be done again.
        cache.save_statements()
        good = [entry for entry in entries.values() if not entry.errors]
        if known.keys() <= files.keys():
            new = {file.path for file in stale}
            cache.save_changes(key, good, [entry for entry in good if entry.path in new])
        else:
            cache.save(key, good)
    return entries, len(stale)


def _with_tasks(entry: Entry, done: Mapping[str, WorkedOut]) -> Entry:
    """The entry of a recipe file, the tasks of some of its recipes worked out, with all that they rest on."""
    looked = {item.path: item for work in done.values() for item in work.looked}
    for item in entry.looked:
        looked[item.path] = item
    said = [item for work in done.values() for item in work.diagnostics]
    reads = {item for work in done.values() for item in work.environment}
    return replace(
        entry,
        recipes=Recipes.of(
            [replace(recipe, tasks=done[recipe.id].tasks) if recipe.id in done else recipe for recipe in entry.recipes]
        ),
        looked=tuple(looked.values()),
        diagnostics=tuple(dict.fromkeys([*entry.diagnostics, *said])),
        environment=tuple(sorted({*entry.environment, *reads}, key=lambda item: item[0])),
    )
