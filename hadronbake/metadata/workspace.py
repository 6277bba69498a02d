"""``Workspace``: the metadata of one build directory, ready to be asked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hadronbake.datastore import evaluator
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Severity, closest
from hadronbake.metadata.configuration import Configuration, read_again_tracking, read_configuration
from hadronbake.metadata.layers import Layer, RecipeFile, collect_files, dangling_appends
from hadronbake.metadata.parsecache import Entry, ParseCache, engine_digest
from hadronbake.metadata.parsing import Messages, explain, finalised, parse_all
from hadronbake.metadata.payloads import make_payload
from hadronbake.metadata.providers import Providers, preferences_of
from hadronbake.metadata.recipe import Recipe, RecipeInputs, TaskPayload
from hadronbake.metadata.recipes import make_recipe

_KEPT_STORES = 32


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of recipe files: ``parsed`` now, ``cached`` taken from the cache, ``masked``; of recipes with variants: ``targets``, ``skipped``."""

    parsed: int
    cached: int
    masked: int
    targets: int
    skipped: int


def _nothing(*_: object) -> None:
    pass


class Workspace:
    """Made by :meth:`open`. Everything in it is as it was then; what is asked for later (``datastore``, ``payload``) is made
    from the files as they are then, which must not have changed meanwhile."""

    def __init__(
        self,
        base: Configuration,
        files: Mapping[str, RecipeFile],
        recipes: Mapping[str, Recipe],
        cache: ParseCache,
        key: str,
        diagnostics: tuple[Diagnostic, ...],
        statistics: Statistics,
        refusals: Mapping[str, tuple[Diagnostic, ...]],
    ) -> None:
        self.base = base
        self.recipes = recipes
        self.diagnostics = diagnostics
        self.statistics = statistics
        self.providers = Providers(recipes, preferences_of(base.d), refusals)
        self._files = files
        self._cache = cache
        self._key = key
        self._stores: OrderedDict[str, DataStore] = OrderedDict()

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
    ) -> Workspace:
        """Read the configuration and all recipes, from the cache where that is right.

        ``report`` is given lines for the user, ``progress`` (recipe files parsed, of how many). Raises HadronbakeError with
        the findings of all recipes; ``lenient`` leaves out the recipes that have errors, which are then in ``diagnostics``.
        """
        topdir = topdir.absolute()
        cache = ParseCache(topdir / "cache" / "parse", report)
        evaluator.set_reader(cache.read_statements)
        evaluator.warnings.clear()
        with Messages() as messages:
            try:
                base = read_configuration(topdir, environ, prefiles=prefiles, postfiles=postfiles)
                found = collect_files(base.d, base.layers)
                dangling = dangling_appends(found, base.d)
            except Exception as error:
                before = [item for item in messages.found if item.severity is Severity.ERROR]
                raise HadronbakeError(*before, *explain(error, str(topdir / "conf/bblayers.conf"))) from error
        said = [*evaluator.warnings, *messages.found, *found.warnings]
        evaluator.warnings.clear()
        if dangling is not None:
            if dangling.severity is Severity.ERROR and not lenient:
                raise HadronbakeError(dangling)
            said.append(dangling)
        key = f"{engine_digest()}-{base.digest}"
        files = {file.path: file for file in found.recipes}
        entries = _entries(files, base, cache, key, progress, processes)
        refusals: dict[str, tuple[Diagnostic, ...]] = {}
        for entry in entries.values():
            said.extend(entry.diagnostics)
            # They are errors for whoever wants to build the recipe, and nobody else.
            said += [replace(item, severity=Severity.WARNING) for own in entry.refusals.values() for item in own]
            refusals.update(entry.refusals)
        errors = [item for entry in entries.values() for item in entry.errors]
        if errors and not lenient:
            raise HadronbakeError(*dict.fromkeys(errors))
        said.extend(errors)
        parsed = sum(1 for entry in entries.values() if entry.inputs)
        recipes = {recipe.id: recipe for path in files for recipe in entries[path].recipes}
        statistics = Statistics(
            parsed=parsed,
            cached=len(entries) - parsed,
            masked=found.masked,
            targets=len(recipes),
            skipped=sum(1 for recipe in recipes.values() if recipe.skipped is not None),
        )
        return cls(base, files, recipes, cache, key, tuple(dict.fromkeys(said)), statistics, refusals)

    @property
    def configuration(self) -> DataStore:
        """The base configuration; not to be changed."""
        return self.base.d

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.base.layers

    def file(self, recipe_id: str) -> RecipeFile:
        """The recipe's file, with its layer and its appends."""
        return self._files[self._recipe(recipe_id).file]

    def inputs(self, recipe_id: str) -> RecipeInputs:
        """What the basehashes of the recipe's tasks cover. Raises HadronbakeError."""
        found = self._cache.inputs(recipe_id, self._key)
        if found is not None:
            return found
        from hadronbake.datastore.dependencies import ParseDependencies
        from hadronbake.metadata.variants import Variant

        recipe, d = self._recipe(recipe_id), self.datastore(recipe_id)
        tasks = tuple(d.getVar("__BBTASKS", False) or ())
        variant = Variant(recipe.variant, d, recipe.skipped, tasks)
        return make_recipe(variant, self.file(recipe_id), ParseDependencies()).inputs

    def datastore(self, recipe_id: str, *, history: bool = False) -> DataStore:
        """The finalised datastore of a recipe; with ``history`` every operation on every variable is recorded in it."""
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

    def payload(self, recipe_id: str, task: str) -> TaskPayload:
        """The scripts and values that running the task needs. Raises HadronbakeError."""
        return make_payload(recipe_id, task, self.datastore(recipe_id))

    def close(self) -> None:
        self._cache.close()

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
) -> dict[str, Entry]:
    """An entry for each file: from the cache if it still holds, else parsed now; what was parsed well is saved."""
    known = cache.load(key, base.original.environ)
    entries = {
        path: entry
        for path, file in files.items()
        if (entry := known.get(path)) is not None
        and (entry.layer, entry.priority, entry.appends) == (file.layer, file.priority, file.appends)
    }
    stale = [file for path, file in files.items() if path not in entries]
    if not stale and len(known) == len(files):
        return entries
    try:
        for entry in parse_all(stale, base, progress, processes):
            entries[entry.path] = entry
    finally:
        # What was done before an interrupt need not be done again.
        cache.save(key, [entry for entry in entries.values() if not entry.errors])
    return entries
