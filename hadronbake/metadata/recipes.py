"""``Recipe`` and ``RecipeInputs`` of a finalised datastore: flags of tasks, local files, hashes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hadronbake.datastore import signatures
from hadronbake.datastore.dependencies import ParseDependencies, digest_of, tree_of
from hadronbake.datastore.embedded.uris import BBFetchException, decodeurl
from hadronbake.datastore.embedded.versions import explode_deps
from hadronbake.datastore.embedded.words import to_boolean
from hadronbake.datastore.inline import METADATA, at_word, find_in_statement
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location
from hadronbake.metadata.hostpaths import find_leaks
from hadronbake.metadata.layers import RecipeFile
from hadronbake.metadata.recipe import (
    FileInput,
    HashInput,
    Recipe,
    RecipeInputs,
    RecipeKind,
    Task,
    in_configuration,
)
from hadronbake.metadata.undefined import find_undefined
from hadronbake.metadata.variants import Variant

_SHOWN = ("SUMMARY", "DESCRIPTION", "LICENSE", "SECTION", "HOMEPAGE", "HB_HOST_HEADERS")


@dataclass(frozen=True, slots=True)
class Finished:
    """A recipe. ``refusals``: why it must not be built; ``warnings``: what may be wrong with it."""

    recipe: Recipe
    refusals: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()


def recipe_id(path: str, variant: str, mc: str = "") -> str:
    return in_configuration(mc, f"virtual:{variant}:{path}" if variant else path)


def make_recipe(
    variant: Variant,
    file: RecipeFile,
    dependencies: ParseDependencies,
    host_paths: re.Pattern[str] | None = None,
    read: Iterable[str] = (),
) -> Finished:
    """The models of one variant. Local files looked for are noted in ``dependencies``. ``read``: the files that were, for the
    recipe, if not those of ``dependencies``. Raises HadronbakeError."""
    d = variant.d
    if variant.skipped is not None:
        return Finished(_head(variant, file, {}))
    hashed = signatures.hash_tasks(d, variant.tasks)
    read = tuple(read or dependencies)
    tasks: dict[str, Task] = {}
    errors: list[Diagnostic] = []
    for task in variant.tasks:
        try:
            tasks[task] = _task(task, hashed.hashes[task], d, file, dependencies)
        except _WrongFlag as error:
            errors.append(_at_the_flag(error, read))
        except HadronbakeError as error:
            errors += error.diagnostics
    if errors:
        raise HadronbakeError(*dict.fromkeys(errors))
    leaks = find_leaks(hashed.texts, lambda name: _origin(name, d), host_paths)
    warnings, refusals = find_undefined(d, hashed, read)
    return Finished(_head(variant, file, tasks), (*leaks, *refusals), tuple(warnings))


class _WrongFlag(HadronbakeError):
    """``word``: what is wrong in the value of ``flag`` (``TASK[FLAG]``)."""

    def __init__(
        self, code: str, flag: str, word: str, text: str, place: Location | None, hint: str | None = None
    ) -> None:
        super().__init__(Diagnostic(code, f"{flag} {text}", place, hint=hint))
        self.flag = flag
        self.word = word


def _at_the_flag(error: _WrongFlag, files: Iterable[str]) -> Diagnostic:
    """Where the flag is set: the store only keeps the task's place."""
    [item] = error.diagnostics
    metadata = [path for path in files if path.endswith(METADATA)]
    seen = find_in_statement(re.escape(error.flag), error.word, metadata)
    return item if seen is None else replace(item, location=seen.location, excerpt=seen.excerpt, length=seen.length)


def make_head(variant: Variant, file: RecipeFile, tasks: Mapping[str, Task]) -> Recipe:
    """The model of one variant with tasks from elsewhere. Raises HadronbakeError."""
    return _head(variant, file, {} if variant.skipped is not None else tasks)


def make_inputs(variant: Variant) -> RecipeInputs:
    """What the hashes of the variant's tasks cover. Raises HadronbakeError."""
    d = variant.d
    hashed = signatures.hash_tasks(d, variant.tasks)
    values = {name: HashInput(name, text, _origin(name, d)) for name, text in hashed.texts.items() if text is not None}
    return RecipeInputs(values, {task: (task, *names) for task, names in hashed.names.items()})


def _origin(name: str, d: DataStore) -> Location | None:
    return d.origin(name.split("[", 1)[0] if name.endswith("]") else name)


# The head: what is known of the recipe beside its tasks


def _head(variant: Variant, file: RecipeFile, tasks: Mapping[str, Task]) -> Recipe:
    d = variant.d
    text = _lenient(d) if variant.skipped is not None else d.getVar

    def words(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((text(name) or "").split()))

    packages = words("PACKAGES")
    pn = text("PN") or os.path.basename(file.path).removesuffix(".bb").split("_")[0]  # noqa: PTH119
    mc = text("BB_CURRENT_MC") or ""

    def of_packages(name: str) -> Mapping[str, tuple[str, ...]]:
        return _of_packages(name, packages or (pn,), d) if variant.skipped is None else {}

    return Recipe(
        id=recipe_id(file.path, variant.name, mc),
        file=file.path,
        variant=variant.name,
        layer=file.layer,
        kind=_kind(text("HB_RECIPE_KIND"), d),
        pn=pn,
        pe=text("PE") or "",
        pv=text("PV") or "",
        pr=text("PR") or "",
        default_preference=_number("DEFAULT_PREFERENCE", text("DEFAULT_PREFERENCE"), d),
        layer_priority=file.priority,
        # A recipe provides its own name, whatever else it says.
        provides=tuple(dict.fromkeys((pn, *_names(text("PROVIDES"))))),
        depends=_names(text("DEPENDS")),
        packages=packages,
        packages_dynamic=words("PACKAGES_DYNAMIC"),
        rprovides=of_packages("RPROVIDES"),
        rdepends=of_packages("RDEPENDS"),
        rrecommends=of_packages("RRECOMMENDS"),
        tasks=tasks,
        skipped=variant.skipped,
        variables={name: value for name in _SHOWN if (value := text(name))},
        mc=mc,
    )


def _lenient(d: DataStore) -> Callable[[str], str | None]:
    """A skipped recipe may be half made: what cannot be expanded is left out."""

    def read(name: str) -> str | None:
        try:
            value = d.getVar(name)
        except Exception:
            return None
        return None if value is None else str(value)

    return read


def _kind(value: str | None, d: DataStore) -> RecipeKind:
    if value in (None, "", "target"):
        return "target"
    if value == "native":
        return "native"
    item = Diagnostic(
        "HBM041", f'HB_RECIPE_KIND is "{value}"', d.origin("HB_RECIPE_KIND"), hint='it can be "target" or "native"'
    )
    raise HadronbakeError(at_word(item, value, d.expand))


def _number(name: str, value: str | None, d: DataStore) -> int:
    try:
        return int(value or 0)
    except ValueError:
        item = Diagnostic(
            "HBM042", f"{name} is not a number: {value}", d.origin(name), hint='write a number, such as "-1"'
        )
        raise HadronbakeError(at_word(item, value, d.expand)) from None


def _names(text: str | None) -> tuple[str, ...]:
    """The names in a dependency list; what stands in parentheses (versions, sonames) is left out."""
    return tuple(dict.fromkeys(explode_deps(text or "")))


def _of_packages(variable: str, packages: tuple[str, ...], d: DataStore) -> dict[str, tuple[str, ...]]:
    """What the variable says of each package; without a package's name it speaks of all."""
    of_all = d.getVar(variable) or ""
    found = {}
    for package in packages:
        name = f"{variable}:{package}"
        own = (d.getVar(name) or "") if name in d.variables else ""
        names = _names(f"{of_all} {own}") if of_all or own else ()
        if names:
            found[package] = names
    return found


def _task(name: str, basehash: str, d: DataStore, file: RecipeFile, dependencies: ParseDependencies) -> Task:
    def words(flag: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((d.getVarFlag(name, flag) or "").split()))

    def yes(flag: str) -> bool:
        value = d.getVarFlag(name, flag)
        if flag != "network":
            # BitBake's way, of which it warns: what is written doesn't count.
            return value is not None
        try:
            return bool(to_boolean(value, False))
        except ValueError:
            return True

    builtin = d.getVarFlag(name, "builtin") or None
    if builtin not in (None, "fetch", "sign"):
        hint = 'the builtin tasks are "fetch" and "sign"'
        raise _WrongFlag("HBM044", f"{name}[builtin]", builtin, f'is "{builtin}"', d.origin(name), hint)
    files = list(_checksum_files(words("file-checksums"), dependencies))
    if builtin == "fetch":
        files += _source_files(d, dependencies)
    deploy = words("sstate-outputdirs")
    unique = {(item.label, item.path): item for item in files}
    return Task(
        name=name,
        basehash=basehash,
        parents=tuple(d.getVarFlag(name, "deps", False) or ()),
        depends=_pairs(name, "depends", words("depends"), d),
        rdepends=_pairs(name, "rdepends", words("rdepends"), d),
        deptask=words("deptask"),
        rdeptask=words("rdeptask"),
        recrdeptask=words("recrdeptask"),
        recideptask=words("recideptask"),
        mcdepends=_across(name, words("mcdepends"), d),
        sysroot_depends=words("sysroot-depends"),
        files=tuple(unique[key] for key in sorted(unique)),
        outputs=tuple(_below(name, "sstate-inputdirs", path, "WORKDIR", d) for path in words("sstate-inputdirs")),
        deploy=_below(name, "sstate-outputdirs", deploy[0], "TOPDIR", d) if deploy else None,
        builtin=builtin,
        network=yes("network"),
        noexec=yes("noexec"),
        nostamp=yes("nostamp"),
        location=d.origin(name) or d.getVarFlag(name, "_place", False) or Location(file.path),
    )


def _pairs(task: str, flag: str, entries: tuple[str, ...], d: DataStore) -> tuple[tuple[str, str], ...]:
    pairs = []
    for entry in entries:
        name, colon, other = entry.rpartition(":")
        if not colon or not name or not other:
            hint = f'write NAME:TASK, for instance "{entry.strip(":")}:do_populate_sysroot"'
            raise _WrongFlag("HBM045", f"{task}[{flag}]", entry, f"holds {entry}", d.origin(task), hint)
        pairs.append((name, other))
    return tuple(pairs)


def _across(task: str, entries: tuple[str, ...], d: DataStore) -> tuple[tuple[str, str, str, str], ...]:
    """``mc:FROM:TO:NAME:TASK`` words: in configuration FROM, the task comes after TASK of NAME in configuration TO."""
    found = []
    for entry in entries:
        parts = entry.split(":")
        if len(parts) != 5 or parts[0] not in ("mc", "multiconfig") or not parts[3] or not parts[4]:
            hint = (
                'write mc:FROM:TO:RECIPE:TASK, for instance "mc::installer:core-image:do_image"; '
                "an empty FROM or TO is the default configuration"
            )
            raise _WrongFlag("HBM048", f"{task}[mcdepends]", entry, f"holds {entry}", d.origin(task), hint)
        found.append((parts[1], parts[2], parts[3], parts[4]))
    return tuple(found)


def _below(task: str, flag: str, path: str, top: str, d: DataStore) -> str:
    """``path`` relative to the directory that the variable ``top`` names."""
    start = os.path.normpath(d.getVar(top) or "/")
    normal = os.path.normpath(path)
    if not os.path.isabs(normal):  # noqa: PTH117
        return normal
    if not normal.startswith(start.rstrip("/") + "/"):
        text, hint = f"names {path}, which is not below {top} ({start})", f"write a directory below ${{{top}}}"
        raise _WrongFlag("HBM046", f"{task}[{flag}]", path, text, d.origin(task), hint)
    return normal[len(start.rstrip("/")) + 1 :]


# Local files


def _input(path: str, label: str, dependencies: ParseDependencies) -> FileInput:
    for part in tree_of(path):
        dependencies.note(part)
    return FileInput(path, label, digest_of(path))


def _checksum_files(entries: tuple[str, ...], dependencies: ParseDependencies) -> Iterator[FileInput]:
    """``PATH:True`` or ``PATH:False`` words; what follows ``/./`` in a path is its label, else the base name."""
    for entry in entries:
        path, _, _ = entry.rpartition(":")
        path = path or entry
        front, dot, label = path.partition("/./")
        real = os.path.join(front, label) if dot else path
        item = _input(real, label if dot else os.path.basename(path.rstrip("/")), dependencies)  # noqa: PTH119
        if item.digest is not None:
            yield item


def _source_files(d: DataStore, dependencies: ParseDependencies) -> list[FileInput]:
    """The ``file://`` entries of SRC_URI, looked for along FILESPATH; every place tried is a dependency of the parse."""
    found = []
    directories = [item for item in (d.getVar("FILESPATH") or "").split(":") if item]
    for uri in (d.getVar("SRC_URI") or "").split():
        if not uri.startswith("file://"):
            continue
        try:
            path = decodeurl(uri)[2]
        except BBFetchException as error:
            raise HadronbakeError(
                at_word(Diagnostic("HBM047", str(error), d.origin("SRC_URI")), uri, d.expand)
            ) from error
        candidates = [path] if path.startswith("/") else [os.path.join(start, path) for start in directories]
        if "*" in path:
            found += _wildcard(candidates, path, dependencies)
            continue
        for candidate in candidates:
            dependencies.note(candidate)
            if os.path.exists(candidate):  # noqa: PTH110
                found.append(_input(candidate, path.lstrip("/"), dependencies))
                break
        else:
            found.append(FileInput(path, path.lstrip("/"), None))
    return found


def _wildcard(candidates: list[str], path: str, dependencies: ParseDependencies) -> list[FileInput]:
    for candidate in candidates:
        dependencies.note(os.path.dirname(candidate))  # noqa: PTH120
        matches = sorted(glob.glob(candidate))  # noqa: PTH207
        if matches:
            start = len(candidate) - len(path)
            return [_input(match, match[start:].lstrip("/"), dependencies) for match in matches]
    return []
