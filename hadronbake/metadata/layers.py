"""Layers: which recipe files and appends there are, in which layer, with which priority."""

# ruff: noqa: PTH207
from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, Severity, closest

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore


@dataclass(frozen=True, slots=True)
class Layer:
    """A collection: its files are those that ``pattern`` (a regular expression, from the start) matches."""

    name: str
    pattern: str
    priority: int
    directory: str


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """One ``.bb`` file, with its appends in the order in which they are applied."""

    path: str
    layer: str
    priority: int
    appends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecipeFiles:
    """What BBFILES comes to. ``masked``: how many files BBMASK took out."""

    recipes: tuple[RecipeFile, ...]
    dangling: tuple[str, ...]
    masked: int
    warnings: tuple[Diagnostic, ...] = field(default=())


def read_layers(d: DataStore) -> tuple[Layer, ...]:
    """The layers of BBFILE_COLLECTIONS. Raises HadronbakeError for a missing or wrong description of a collection."""
    names = (d.getVar("BBFILE_COLLECTIONS") or "").split()
    directories = (d.getVar("BBLAYERS") or "").split()
    errors: list[Diagnostic] = []
    depends = {name: _dependencies(name, d) for name in names}
    for name in names:
        for needed, optional in depends[name].items():
            if needed not in names and not optional:
                near = closest(needed, names)
                errors.append(
                    Diagnostic(
                        "HBM010",
                        f"layer {name} needs layer {needed}, which is not in BBLAYERS",
                        _origin(d, f"LAYERDEPENDS_{name}"),
                        hint=f"did you mean {near}?" if near else "add its directory to BBLAYERS in conf/bblayers.conf",
                    )
                )
    layers = []
    for name in names:
        pattern = d.getVar(f"BBFILE_PATTERN_{name}")
        if pattern is None:
            errors.append(
                Diagnostic(
                    "HBM011",
                    f"layer {name} has no BBFILE_PATTERN_{name}",
                    _origin(d, "BBFILE_COLLECTIONS"),
                    hint=f'write BBFILE_PATTERN_{name} = "^${{LAYERDIR}}/" in its layer.conf',
                )
            )
            continue
        try:
            re.compile(pattern)
        except re.error as error:
            errors.append(
                Diagnostic(
                    "HBM012",
                    f"BBFILE_PATTERN_{name} is not a regular expression: {error}",
                    _origin(d, f"BBFILE_PATTERN_{name}"),
                )
            )
            continue
        directory = next((item for item in directories if pattern and re.match(pattern, f"{item}/")), "")
        layers.append(Layer(name, pattern, 0, directory))
    priorities: dict[str, int] = {}
    for layer in layers:
        _priority(layer.name, d, depends, priorities, (), errors)
    if errors:
        raise HadronbakeError(*errors)
    return tuple(Layer(item.name, item.pattern, priorities[item.name], item.directory) for item in layers)


def _origin(d: DataStore, name: str) -> Location | None:
    return d.origin(name)


def _dependencies(name: str, d: DataStore) -> dict[str, bool]:
    """Name of each layer needed → whether only recommended."""
    found: dict[str, bool] = {}
    for variable, optional in ((f"LAYERRECOMMENDS_{name}", True), (f"LAYERDEPENDS_{name}", False)):
        for word in re.sub(r"\([^)]*\)", " ", d.getVar(variable) or "").split():
            found[word] = optional
    return found


def _priority(
    name: str,
    d: DataStore,
    depends: dict[str, dict[str, bool]],
    known: dict[str, int],
    chain: tuple[str, ...],
    errors: list[Diagnostic],
) -> int:
    """BBFILE_PRIORITY, or one more than the highest of the layers it depends on."""
    if name in known:
        return known[name]
    if name in chain:
        errors.append(Diagnostic("HBM013", f"layers depend on each other: {' -> '.join((*chain, name))}"))
        return 0
    text = d.getVar(f"BBFILE_PRIORITY_{name}")
    if text:
        try:
            known[name] = int(text)
        except ValueError:
            errors.append(
                Diagnostic(
                    "HBM014",
                    f"BBFILE_PRIORITY_{name} is not a number: {text}",
                    _origin(d, f"BBFILE_PRIORITY_{name}"),
                )
            )
            known[name] = 0
    else:
        below = [
            _priority(item, d, depends, known, (*chain, name), errors)
            for item in depends.get(name, ())
            if item in depends
        ]
        known[name] = max(below, default=0) + 1
    return known[name]


def layer_of(path: str, layers: Iterable[Layer]) -> Layer | None:
    """The first layer whose pattern matches."""
    return next((layer for layer in layers if layer.pattern and re.match(layer.pattern, path)), None)


def apply_dynamic_files(d: DataStore) -> None:
    """BBFILES_DYNAMIC: ``layer:glob`` (or ``!layer:glob``) is added to BBFILES if the layer is there (or isn't)."""
    collections = (d.getVar("BBFILE_COLLECTIONS") or "").split()
    wrong = []
    for entry in (d.getVar("BBFILES_DYNAMIC") or "").split():
        name, colon, pattern = entry.partition(":")
        if not colon or ":" in pattern:
            wrong.append(entry)
        elif (name[1:] not in collections) if name.startswith("!") else (name in collections):
            d.appendVar("BBFILES", f" {pattern}")
    if wrong:
        raise HadronbakeError.of(
            "HBM015",
            f"BBFILES_DYNAMIC entries must be of the form {{!}}<collection name>:<filename pattern>, not: {' '.join(wrong)}",
            _origin(d, "BBFILES_DYNAMIC"),
        )


def collect_files(d: DataStore, layers: Sequence[Layer]) -> RecipeFiles:
    """The recipes and appends that BBFILES names, without those that BBMASK matches."""
    warnings: list[Diagnostic] = []
    patterns = list(dict.fromkeys((d.getVar("BBFILES") or "").split()))
    if not patterns:
        raise HadronbakeError.of(
            "HBM016",
            "BBFILES is empty: there are no recipes",
            _origin(d, "BBFILES"),
            hint="check BBLAYERS in conf/bblayers.conf; each layer.conf adds its recipes to BBFILES",
        )

    def priority(path: str) -> int:
        layer = layer_of(path, layers)
        return layer.priority if layer else 0

    found: dict[str, None] = {}
    for pattern in sorted(patterns, key=priority):
        for path in _matching(pattern):
            found.setdefault(path)
    masks = _masks(d, warnings)
    kept = [path for path in found if not any(mask.search(path) for mask in masks)]
    masked = len(found) - len(kept)
    appends = sorted((path for path in kept if path.endswith(".bbappend")), key=priority)
    used: set[str] = set()
    recipes = []
    exact: dict[str, list[str]] = {}
    wild: list[tuple[str, str]] = []
    for append in appends:
        base = os.path.basename(append).removesuffix("append")  # noqa: PTH119
        if "%" in base:
            wild.append((base[: base.index("%")], append))
        else:
            exact.setdefault(base, []).append(append)
    order = {append: number for number, append in enumerate(appends)}
    for path in kept:
        if not path.endswith(".bb"):
            continue
        name = os.path.basename(path)  # noqa: PTH119
        own = exact.get(name, []) + [append for prefix, append in wild if name.startswith(prefix)]
        own.sort(key=order.__getitem__)
        used.update(own)
        layer = layer_of(path, layers)
        recipes.append(RecipeFile(path, layer.name if layer else "", layer.priority if layer else 0, tuple(own)))
    dangling = tuple(append for append in appends if append not in used)
    return RecipeFiles(tuple(recipes), dangling, masked, tuple(warnings))


def _matching(pattern: str) -> list[str]:
    if os.path.isdir(pattern):  # noqa: PTH112
        names = [str(path) for path in Path(pattern).rglob("*") if path.suffix in (".bb", ".bbappend")]
        return sorted(names)
    return sorted(os.path.abspath(item) for item in glob.glob(pattern, recursive=True))  # noqa: PTH100


def _masks(d: DataStore, warnings: list[Diagnostic]) -> list[re.Pattern[str]]:
    masks = []
    for text in (d.getVar("BBMASK") or "").split():
        try:
            masks.append(re.compile(text))
        except re.error as error:
            warnings.append(
                Diagnostic(
                    "HBM017",
                    f"BBMASK holds an invalid regular expression, ignored: {text}: {error}",
                    _origin(d, "BBMASK"),
                    severity=Severity.WARNING,
                )
            )
    return masks


def dangling_appends(files: RecipeFiles, d: DataStore) -> Diagnostic | None:
    """A finding about appends without a recipe: an error, or a warning with BB_DANGLINGAPPENDS_WARNONLY."""
    if not files.dangling:
        return None
    warn = (d.getVar("BB_DANGLINGAPPENDS_WARNONLY", False) or "no").lower() in ("1", "yes", "true")
    names = [os.path.basename(item.path) for item in files.recipes]  # noqa: PTH119
    notes: list[tuple[Location | None, str]] = []
    for append in files.dangling:
        wanted = os.path.basename(append).removesuffix("append").replace("%", "")  # noqa: PTH119
        near = closest(wanted, names)
        notes.append((None, f"{append}" + (f" (near: {near})" if near else "")))
    return Diagnostic(
        "HBM018",
        "no recipe for " + ("this append" if len(notes) == 1 else f"these {len(notes)} appends"),
        severity=Severity.WARNING if warn else Severity.ERROR,
        notes=tuple(notes),
        hint='rename it after the recipe (a "%" matches any version), or mask it with BBMASK',
    )
