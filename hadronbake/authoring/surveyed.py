"""What the rules about recipes and layers look at: evaluated recipes with their own files, and layers as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hadronbake.authoring.known import KNOWN_VARIABLES, OVERRIDE_WORDS
from hadronbake.authoring.source import Source
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError, Location
from hadronbake.language.parser import KINDS
from hadronbake.language.statements import Assignment
from hadronbake.metadata.layers import Layer
from hadronbake.metadata.recipe import Recipe
from hadronbake.metadata.workspace import Workspace

_OWN = (".bb", ".bbappend", ".inc")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OVERRIDE = re.compile(r"[a-z0-9][\w.+-]*")

ReadSource = Callable[[str], "Source | None"]
"""The file of an absolute path as a source, None if it can't be read."""


@dataclass(frozen=True)
class SurveyedRecipe:
    """``sources``: the recipe file, what it includes and its appends; no classes and no configuration."""

    recipe: Recipe
    d: DataStore
    sources: tuple[Source, ...]
    layers: SurveyedLayers

    @property
    def start(self) -> Location:
        """The recipe file as a whole."""
        return Location(self.recipe.file)

    @cached_property
    def files(self) -> frozenset[str]:
        return frozenset(source.path for source in self.sources)

    def where(self, variable: str) -> Location:
        """Where the recipe's own files set a variable, else the recipe file as a whole."""
        origin = self.d.origin(variable)
        return origin if origin is not None and origin.file in self.files else self.start

    def value(self, variable: str) -> str:
        """The expanded value; empty if there is none, or if it can't be expanded (which the engine says by itself)."""
        try:
            return str(self.d.getVar(variable) or "")
        except Exception:
            return ""

    def expanded(self, text: str) -> str:
        try:
            return str(self.d.expand(text))
        except Exception:
            return text

    def assignments(self) -> Iterator[tuple[Source, Assignment]]:
        for source in self.sources:
            for item in source.assignments:
                yield source, item

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """All words in all raw values, functions and flags of the recipe: what may be used."""
        words: set[str] = set()
        for name in self.d:
            value = self.d.getVar(name, False)
            if isinstance(value, str):
                words.update(_WORD.findall(value))
            for flag in (self.d.getVarFlags(name) or {}).values():
                if isinstance(flag, str):
                    words.update(_WORD.findall(flag))
        return frozenset(words)


def own_files(workspace: Workspace, recipe_id: str) -> tuple[str, ...]:
    """The recipe file, what it includes and its appends. Raises HadronbakeError if the recipe can't be evaluated."""
    d = workspace.datastore(recipe_id)
    included = [path for path in str(d.getVar("BBINCLUDED") or "").split() if path.endswith(_OWN)]
    file = workspace.file(recipe_id)
    return tuple(path for path in dict.fromkeys([file.path, *included, *file.appends]) if Path(path).is_file())


class SurveyedLayers:
    """All layers of a workspace. Files are read once, when they are first asked for."""

    def __init__(self, workspace: Workspace, read: ReadSource) -> None:
        self.workspace = workspace
        self.read = read

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.workspace.layers

    def recipe(self, recipe_id: str) -> SurveyedRecipe | None:
        """The recipe, evaluated; None if that fails."""
        try:
            d = self.workspace.datastore(recipe_id)
            paths = own_files(self.workspace, recipe_id)
        except HadronbakeError:
            return None
        sources = (self.read(path) for path in paths)
        return SurveyedRecipe(
            self.workspace.recipes[recipe_id], d, tuple(source for source in sources if source is not None), self
        )

    @cached_property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """By name of layer all files in it."""
        found: dict[str, tuple[str, ...]] = {}
        for layer in self.layers:
            paths: list[str] = []
            for directory, names, files in os.walk(layer.directory or os.devnull):
                names[:] = sorted(name for name in names if not name.startswith("."))
                paths += [os.path.join(directory, name) for name in sorted(files)]
            found[layer.name] = tuple(paths)
        return found

    @cached_property
    def text(self) -> str:
        """The text of all metadata of all layers: a name that is nowhere in it isn't used."""
        texts: list[str] = []
        for paths in self.files.values():
            for path in paths:
                if Path(path).suffix in KINDS:
                    texts.append(Path(path).read_text(errors="replace"))
        return "\n".join(texts)

    @cached_property
    def local_files(self) -> frozenset[str]:
        """The local files (and directories) that some recipe's tasks take."""
        recipes = self.workspace.recipes.values()
        return frozenset(item.path for recipe in recipes for task in recipe.tasks.values() for item in task.files)

    @cached_property
    def recipe_files(self) -> frozenset[str]:
        """The recipe files that BBFILES names."""
        return frozenset(recipe.file for recipe in self.workspace.recipes.values())

    @cached_property
    def classes(self) -> frozenset[str]:
        return frozenset(Path(path).stem for path in self._all(".bbclass"))

    @cached_property
    def override_words(self) -> frozenset[str]:
        """What may be an override somewhere: machines, distributions, classes, recipes, and all words of variables like
        MACHINEOVERRIDES in any configuration file."""
        found = {*OVERRIDE_WORDS, *(f"class-{name}" for name in self.classes)}
        found.update(f"pn-{recipe.pn}" for recipe in self.workspace.recipes.values())
        d = self.workspace.configuration
        found.update((d.getVar("OVERRIDES") or "").split(":"))
        for path in self._all(".conf", ".inc"):
            if "/conf/" not in path:
                continue
            found.add(Path(path).stem)
            source = self.read(path)
            for item in source.assignments if source is not None else ():
                if "OVERRIDES" in item.name or item.name.startswith(
                    ("SOC_FAMILY", "TUNE_", "AVAILTUNES", "DEFAULTTUNE")
                ):
                    found.update(_OVERRIDE.findall(item.value))
        return frozenset(found)

    @cached_property
    def variables(self) -> frozenset[str]:
        """Variables that have a meaning: known ones, those of the base configuration, those that classes set or read."""
        found = {
            *KNOWN_VARIABLES,
            *(name for name in self.workspace.configuration if name.isupper() and ":" not in name),
        }
        for path in self._all(".bbclass"):
            found.update(word for word in _WORD.findall(Path(path).read_text(errors="replace")) if word.isupper())
        return frozenset(found)

    def _all(self, *suffixes: str) -> Iterator[str]:
        for paths in self.files.values():
            yield from (path for path in paths if path.endswith(suffixes))
        # The configuration may be beside the layers.
        conf = Path(self.workspace.configuration.getVar("HADRONBAKE_DIR") or os.devnull) / "conf"
        yield from (str(path) for path in sorted(conf.rglob("*")) if str(path).endswith(suffixes))
