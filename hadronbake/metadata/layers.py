"""Layers: which recipe files and appends there are, in which layer, with which priority."""

# ruff: noqa: PTH207
from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hadronbake.datastore.dependencies import State, dependencies_of, state_of
from hadronbake.datastore.embedded.versions import (
    VersionStringException,
    explode_dep_versions2,
    vercmp_string_op,
)
from hadronbake.datastore.inline import at_word, find_in_statement
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
    """What BBFILES comes to. ``masked``: how many files BBMASK took out. ``listed``: the directories whose entries decided, and missing
    ones, with the state that they had before."""

    recipes: tuple[RecipeFile, ...]
    dangling: tuple[str, ...]
    masked: int
    warnings: tuple[Diagnostic, ...] = field(default=())
    listed: Mapping[str, State] = field(default_factory=dict)


def read_layers(d: DataStore) -> tuple[Layer, ...]:
    """The layers of BBFILE_COLLECTIONS. Raises HadronbakeError for a missing or wrong description of a collection."""
    names = (d.getVar("BBFILE_COLLECTIONS") or "").split()
    directories = (d.getVar("BBLAYERS") or "").split()
    errors: list[Diagnostic] = []
    depends = {name: _dependencies(name, d, names, errors) for name in names}
    layers = []
    for name in names:
        pattern = d.getVar(f"BBFILE_PATTERN_{name}")
        if pattern is None:
            errors.append(
                _at(
                    d,
                    "BBFILE_COLLECTIONS",
                    name,
                    "HBM011",
                    f"layer {name} has no BBFILE_PATTERN_{name}",
                    f'write BBFILE_PATTERN_{name} = "^${{LAYERDIR}}/" in its layer.conf',
                )
            )
            continue
        try:
            re.compile(pattern)
        except re.error as error:
            errors.append(
                _at(
                    d,
                    f"BBFILE_PATTERN_{name}",
                    pattern,
                    "HBM012",
                    f"BBFILE_PATTERN_{name} is not a regular expression: {error.msg}",
                    'it is matched with the beginning of paths: "^${LAYERDIR}/"',
                )
            )
            continue
        directory = next((item for item in directories if pattern and re.match(pattern, f"{item}/")), "")
        layers.append(Layer(name, pattern, 0, directory))
    priorities = _priorities(d, depends, errors)
    if errors:
        raise HadronbakeError(*errors)
    return tuple(Layer(item.name, item.pattern, priorities[item.name], item.directory) for item in layers)


def _origin(d: DataStore, name: str) -> Location | None:
    return d.origin(name)


def _at(d: DataStore, variable: str, word: str | None, code: str, message: str, hint: str | None = None) -> Diagnostic:
    """A finding about a word in a variable's value, which several files may have made."""
    item = at_word(Diagnostic(code, message, d.origin(variable), hint=hint), word, d.expand)
    if item.excerpt is None and word:
        files = [path for path in dependencies_of(d) if path.endswith(".conf")]
        place = find_in_statement(rf"{re.escape(variable)}\b", word, files, strictly=True)
        if place is not None:
            return replace(item, location=place.location, excerpt=place.excerpt, length=place.length)
    return item


def _directory(d: DataStore, layer: str) -> str | None:
    """The directory of a layer as BBLAYERS has it, the last of several."""
    pattern = d.getVar(f"BBFILE_PATTERN_{layer}")
    try:
        found = [item for item in (d.getVar("BBLAYERS") or "").split() if pattern and re.match(pattern, f"{item}/")]
    except re.error:
        return None
    return found[-1] if found else None


def _dependencies(name: str, d: DataStore, names: Sequence[str], errors: list[Diagnostic]) -> list[str]:
    """The layers there that ``name`` needs, or recommends in a version that is there; what is missing goes to ``errors``."""
    found = []
    for variable, optional in ((f"LAYERDEPENDS_{name}", False), (f"LAYERRECOMMENDS_{name}", True)):
        try:
            wanted = explode_dep_versions2(d.getVar(variable) or "")
        except VersionStringException as error:
            errors.append(_at(d, variable, None, "HBM023", f"{variable}: {error}", _VERSION_FORM))
            continue
        for needed, constraints in wanted.items():
            if needed not in names:
                if not optional:
                    near = closest(needed, names)
                    hint = f"did you mean {near}?" if near else "add its directory to BBLAYERS in conf/bblayers.conf"
                    message = f"layer {name} needs layer {needed}, which is not in BBLAYERS"
                    errors.append(_at(d, variable, needed, "HBM010", message, hint))
                continue
            version = d.getVar(f"LAYERVERSION_{needed}")
            unmet = [item for item in constraints if not version or not _meets(version, item)]
            if unmet and not optional:
                errors.append(
                    _at(
                        d,
                        variable,
                        f"{needed} ({unmet[0]})",
                        "HBM024",
                        f"layer {name} needs version {unmet[0]} of layer {needed}, which "
                        + (f"has version {version}" if version else "does not say its version"),
                        f"check out matching branches of both layers; LAYERVERSION_{needed} is the version",
                    )
                )
            if not (unmet and optional):
                found.append(needed)
    return found


_VERSION_FORM = 'write NAME, or NAME and a version: "core (>= 12)"'


def _meets(version: str, constraint: str) -> bool:
    operator, wanted = constraint.split()
    return vercmp_string_op(version, wanted, operator)


def _priorities(d: DataStore, depends: Mapping[str, Sequence[str]], errors: list[Diagnostic]) -> dict[str, int]:
    """BBFILE_PRIORITY of each layer; of one without (or with 0) one more than the highest of those it depends on.

    No such layer is below the lowest priority that is given.
    """
    known: dict[str, int] = {}
    lowest = 0
    for name in depends:
        text = d.getVar(f"BBFILE_PRIORITY_{name}")
        try:
            given = int(text or 0)
        except ValueError:
            message = f"BBFILE_PRIORITY_{name} is not a number: {text}"
            errors.append(_at(d, f"BBFILE_PRIORITY_{name}", text, "HBM014", message, "write a whole number, such as 6"))
            given = 1
        if given:
            known[name] = given
            lowest = given if lowest == 0 else min(lowest, given)

    def work_out(name: str, chain: tuple[str, ...]) -> int:
        if name not in known:
            if name in chain:
                message = f"layers depend on each other: {' -> '.join((*chain, name))}"
                hint = "take one of these dependencies away, or give one of the layers a BBFILE_PRIORITY"
                errors.append(_at(d, f"LAYERDEPENDS_{chain[-1]}", name, "HBM013", message, hint))
                return 0
            known[name] = max([lowest, *(work_out(item, (*chain, name)) for item in depends[name])]) + 1
        return known[name]

    for name in depends:
        work_out(name, ())
    return known


def take_series(d: DataStore, found: dict[str, str], names: list[str]) -> list[str]:
    """After a layer.conf: move each LAYERSERIES_COMPAT_<layer> into ``found``, so that no later layer can copy another's.

    Gives LAYERSERIES_CORENAMES of the first layer that has it (``names``, once known).
    """
    for layer in (d.getVar("BBFILE_COLLECTIONS") or "").split():
        value = d.getVar(f"LAYERSERIES_COMPAT_{layer}")
        if value:
            found[layer] = value
            d.delVar(f"LAYERSERIES_COMPAT_{layer}")
    if not names:
        names = (d.getVar("LAYERSERIES_CORENAMES") or "").split()
        if names:
            d.delVar("LAYERSERIES_CORENAMES")
    return names


def check_series(d: DataStore, found: Mapping[str, str], names: Sequence[str]) -> None:
    """Put back what ``take_series`` took, sorted. Raises HadronbakeError if a layer is not for this series, or there twice."""
    for layer, value in found.items():
        d.setVar(f"LAYERSERIES_COMPAT_{layer}", " ".join(sorted(set(value.split()))))
    if names:
        d.setVar("LAYERSERIES_CORENAMES", " ".join(sorted(set(names))))
    collections = (d.getVar("BBFILE_COLLECTIONS") or "").split()
    errors = []
    for layer in sorted({name for name in collections if collections.count(name) > 1}):
        errors.append(
            _at(
                d,
                "BBLAYERS",
                _directory(d, layer),
                "HBM025",
                f"two layers are called {layer} (BBFILE_COLLECTIONS)",
                "is a layer twice in BBLAYERS, by different paths?",
            )
        )
    for layer, value in found.items():
        wanted = sorted(set(value.split()))
        if not names:
            errors.append(
                _at(
                    d,
                    "BBLAYERS",
                    _directory(d, layer),
                    "HBM026",
                    f"layer {layer} is for the series {' '.join(wanted)}, but no layer says which series this is",
                    "the core layer, whose layer.conf sets LAYERSERIES_CORENAMES, is missing in BBLAYERS",
                )
            )
        elif not set(wanted) & set(names):
            errors.append(
                _at(
                    d,
                    "BBLAYERS",
                    _directory(d, layer),
                    "HBM027",
                    f"layer {layer} is for the series {' '.join(wanted)}, the core layer is {' '.join(sorted(set(names)))}",
                    f"check out a branch of the layer whose LAYERSERIES_COMPAT_{layer} names the core's series",
                )
            )
    if errors:
        raise HadronbakeError(*errors)


def layer_of(path: str, layers: Iterable[Layer]) -> Layer | None:
    """The layer whose pattern matches; of layers within one another the innermost."""
    inner_first = sorted(layers, key=lambda layer: layer.pattern, reverse=True)
    return next((layer for layer in inner_first if layer.pattern and re.match(layer.pattern, path)), None)


def apply_dynamic_files(d: DataStore) -> None:
    """BBFILES_DYNAMIC: ``layer:glob`` (or ``!layer:glob``) is added to BBFILES if the layer is there (or isn't)."""
    collections = (d.getVar("BBFILE_COLLECTIONS") or "").split()
    wrong = []
    for entry in (d.getVar("BBFILES_DYNAMIC") or "").split():
        name, colon, pattern = entry.partition(":")
        if not colon:
            wrong.append(entry)
        elif (name[1:] not in collections) if name.startswith("!") else (name in collections):
            d.appendVar("BBFILES", f" {pattern}")
    if wrong:
        message = "BBFILES_DYNAMIC entries must be of the form {!}<collection name>:<filename pattern>, not: "
        raise HadronbakeError(_at(d, "BBFILES_DYNAMIC", wrong[0], "HBM015", message + " ".join(wrong)))


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
    patterns.sort(key=priority)
    d.setVar("BBFILES_PRIORITIZED", " ".join(patterns))
    listed: dict[str, State] = {}
    for pattern in patterns:
        for directory in _directories(pattern):
            listed.setdefault(directory, state_of(directory))
        for path in _matching(pattern):
            found.setdefault(path)
    masks = _masks(d, warnings)
    kept = [path for path in found if not any(mask.search(path) for mask in masks)]
    masked = len(found) - len(kept)
    appends = [path for path in kept if path.endswith(".bbappend")]
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
    return RecipeFiles(tuple(recipes), dangling, masked, tuple(warnings), listed)


def _directories(pattern: str) -> list[str]:
    """The directories whose entries decide what :func:`_matching` gives, made absolute."""
    if os.path.isdir(pattern):  # noqa: PTH112
        found = [directory for directory, _, _ in os.walk(pattern)]
    else:
        found = []
        above = os.path.dirname(pattern)  # noqa: PTH120
        while above and above != "/":
            found += glob.glob(above) if glob.has_magic(above) else [above]
            if not glob.has_magic(above):
                break
            above = os.path.dirname(above)  # noqa: PTH120
    return [os.path.abspath(item) for item in found]  # noqa: PTH100


def _matching(pattern: str) -> list[str]:
    """The files of one word of BBFILES, sorted: all below a directory, else what the shell pattern (without ``**``) matches."""
    if os.path.isdir(pattern):  # noqa: PTH112
        found = []
        for directory, below, files in os.walk(pattern):
            below[:] = [name for name in below if name not in ("SCCS", "CVS", ".svn")]
            found += [os.path.join(directory, name) for name in files if name.endswith((".bb", ".bbappend"))]
        return sorted(found)
    matched = glob.glob(pattern)
    if not matched and os.path.exists(pattern):  # noqa: PTH110
        matched = [pattern]
    return sorted(os.path.abspath(item) for item in matched)  # noqa: PTH100


def _masks(d: DataStore, warnings: list[Diagnostic]) -> list[re.Pattern[str]]:
    masks = []
    for text in (d.getVar("BBMASK") or "").split():
        if text.startswith("|"):
            # An old way to write several words; it would match everything.
            text = text[1:]
        try:
            masks.append(re.compile(text))
        except re.error as error:
            warnings.append(
                replace(
                    _at(
                        d,
                        "BBMASK",
                        text,
                        "HBM017",
                        f"BBMASK holds an invalid regular expression, ignored: {text}: {error}",
                    ),
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
        Location(files.dangling[0]),
        severity=Severity.WARNING if warn else Severity.ERROR,
        notes=tuple(notes),
        hint='rename it after the recipe (a "%" matches any version), or mask it with BBMASK',
    )
