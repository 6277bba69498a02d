"""Rules about recipes as they are after evaluation: description, sources, dependencies, tasks, names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from hadronbake.authoring.known import PACKAGE_VARIABLES
from hadronbake.authoring.rule import Problem, RecipeRule
from hadronbake.authoring.surveyed import SurveyedRecipe
from hadronbake.datastore.names import classify
from hadronbake.diagnostics import HadronbakeError, Location, closest
from hadronbake.language.statements import AddTask, Assignment, Function, Include, Inherit

_RECIPE_FILES = (".bb", ".inc", ".bbappend", ".bbclass")
_CHECKED = frozenset({"http", "https", "ftp", "ftps", "s3", "gs", "az", "debsrc"})
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_STRONG = ("sha256sum", "sha384sum", "sha512sum", "goh1")
_WEAK = ("md5sum", "sha1sum")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{3,}")
_OVERRIDE_FAMILIES = ("task-", "pn-", "libc-", "toolchain-", "tune-", "linux-", "mips")
_PACKAGE_OVERRIDES = PACKAGE_VARIABLES | {
    "SUMMARY",
    "DESCRIPTION",
    "PKG",
    "SECTION",
    "LICENSE",
    "INSANE_SKIP",
    "DEBIAN_NOAUTONAME",
}


# What describes a recipe


def _described(recipe: SurveyedRecipe, variable: str) -> bool:
    origin = recipe.d.origin(variable)
    return bool(recipe.value(variable).strip()) and origin is not None and origin.file.endswith(_RECIPE_FILES)


def _no_summary(recipe: SurveyedRecipe) -> Iterator[Problem]:
    if not _described(recipe, "SUMMARY") and not _described(recipe, "DESCRIPTION"):
        yield Problem(f"{recipe.recipe.pn} has no SUMMARY", recipe.start, hint='SUMMARY = "one line, no full stop"')


def _no_licence(recipe: SurveyedRecipe) -> Iterator[Problem]:
    if recipe.value("LICENSE").strip() in ("", "INVALID"):
        yield Problem(f"{recipe.recipe.pn} has no LICENSE", recipe.start, hint='an SPDX name: LICENSE = "MIT"')


def _no_homepage(recipe: SurveyedRecipe) -> Iterator[Problem]:
    if any(entry.scheme != "file" for entry in _entries(recipe)) and not _described(recipe, "HOMEPAGE"):
        yield Problem(f"{recipe.recipe.pn} has no HOMEPAGE", recipe.start, hint='HOMEPAGE = "https://…"')


# Sources


@dataclass(frozen=True, slots=True)
class _Entry:
    text: str
    scheme: str
    parameters: dict[str, str]


def _entries(recipe: SurveyedRecipe) -> list[_Entry]:
    found = []
    for text in recipe.value("SRC_URI").split():
        address, *words = text.split(";")
        scheme, separator, _ = address.partition("://")
        if separator:
            found.append(_Entry(text, scheme, dict(word.partition("=")[::2] for word in words)))
    return found


def _place(recipe: SurveyedRecipe, entry: _Entry) -> Location:
    """Where an entry of SRC_URI is written: looked for by the parts of it that are no variables."""
    name = entry.text.split(";")[0]
    for source, item in recipe.assignments():
        if classify(item.name).short != "SRC_URI" or item.flag is not None:
            continue
        for word in item.value.split():
            if word and recipe.expanded(word).split(";")[0] == name:
                return source.find(item, word)
    return recipe.where("SRC_URI")


def _no_checksum(recipe: SurveyedRecipe) -> Iterator[Problem]:
    for entry in _entries(recipe):
        if entry.scheme in _CHECKED and not _sums(recipe, entry, _STRONG + _WEAK):
            name = entry.parameters.get("name")
            flag = f"{name}.sha256sum" if name else "sha256sum"
            yield Problem(
                f"no checksum for {entry.text}", _place(recipe, entry), len(entry.text), f'say SRC_URI[{flag}] = "…"'
            )


def _weak_checksum(recipe: SurveyedRecipe) -> Iterator[Problem]:
    for entry in _entries(recipe):
        if entry.scheme in _CHECKED and not _sums(recipe, entry, _STRONG) and (weak := _sums(recipe, entry, _WEAK)):
            yield Problem(
                f"only {' and '.join(weak)} for {entry.text}",
                _place(recipe, entry),
                len(entry.text),
                "give its sha256sum",
            )


def _sums(recipe: SurveyedRecipe, entry: _Entry, kinds: tuple[str, ...]) -> list[str]:
    name = entry.parameters.get("name")
    flags = recipe.d.getVarFlags("SRC_URI") or {}
    return [kind for kind in kinds if entry.parameters.get(kind) or flags.get(f"{name}.{kind}" if name else kind)]


def _moving_commit(recipe: SurveyedRecipe) -> Iterator[Problem]:
    for entry in _entries(recipe):
        if entry.scheme not in ("git", "gitsm"):
            continue
        for name in entry.parameters.get("name", "").split(",") or [""]:
            variable = "SRCREV"
            if name and recipe.d.getVar(f"SRCREV_{name}", False):
                variable = f"SRCREV_{name}"
            raw = entry.parameters.get("rev") or str(recipe.d.getVar(variable, False) or "")
            revision = raw if "${" not in raw or "AUTOREV" in raw else recipe.expanded(raw)
            if not _COMMIT.fullmatch(revision.strip()):
                what = f"'{revision}' is no commit id" if revision and revision != "INVALID" else "no commit is given"
                yield Problem(
                    f"{what}, for {entry.text}",
                    recipe.where(variable) if revision and "rev" not in entry.parameters else _place(recipe, entry),
                    hint='SRCREV = "…" with all 40 digits of a commit',
                )


def _no_branch(recipe: SurveyedRecipe) -> Iterator[Problem]:
    for entry in _entries(recipe):
        if entry.scheme in ("git", "gitsm") and not {"branch", "nobranch", "tag"} & entry.parameters.keys():
            yield Problem(
                f"no branch for {entry.text}", _place(recipe, entry), len(entry.text), "add ;branch=… (or ;nobranch=1)"
            )


def _plain_protocol(recipe: SurveyedRecipe) -> Iterator[Problem]:
    for entry in _entries(recipe):
        if entry.scheme in ("git", "gitsm") and entry.parameters.get("protocol", "git") in ("git", "http"):
            yield Problem(
                f"{entry.text} is asked for without encryption",
                _place(recipe, entry),
                len(entry.text),
                "add ;protocol=https",
            )


def _written_version(recipe: SurveyedRecipe) -> Iterator[Problem]:
    version = recipe.value("PV")
    if len(version) < 3 or not re.search(r"\d\.\d", version):
        return
    pattern = re.compile(rf"(?<![\d.]){re.escape(version)}(?!\d)")
    for source, item in recipe.assignments():
        if classify(item.name).short != "SRC_URI" or item.flag is not None or source.name.endswith(".bbappend"):
            continue
        for word in item.value.split():
            # A local file may be for this version alone.
            if not word.startswith("file://") and pattern.search(re.sub(r"\$\{[^}]*\}", "", word)):
                yield Problem(
                    f"the version {version} is written out in SRC_URI",
                    source.find(item, word),
                    len(word),
                    "write ${PV}",
                )


# Dependencies


def _own_dependency(recipe: SurveyedRecipe) -> Iterator[Problem]:
    names = {recipe.recipe.pn, *recipe.recipe.provides}
    for name in recipe.recipe.depends:
        if name in names:
            yield Problem(f"{recipe.recipe.pn} depends on {name}, which it provides itself", recipe.where("DEPENDS"))


def _nobody_provides(recipe: SurveyedRecipe) -> Iterator[Problem]:
    providers = recipe.layers.workspace.providers
    for name in recipe.recipe.depends:
        if providers.assumed(name):
            continue
        try:
            providers.resolve(name)
        except HadronbakeError:
            near = closest(name, providers.names())
            place = next(
                (
                    source.find(item, name)
                    for source, item in recipe.assignments()
                    if classify(item.name).short == "DEPENDS" and name in item.value.split()
                ),
                recipe.where("DEPENDS"),
            )
            yield Problem(
                f"no recipe that could be built provides {name}",
                place,
                len(name),
                f"did you mean {near}?" if near else None,
            )


def _dead_include(recipe: SurveyedRecipe) -> Iterator[Problem]:
    for source in recipe.sources:
        directories = [os.path.dirname(source.path), *recipe.value("BBPATH").split(":")]  # noqa: PTH120
        for item in source.of_type(Include):
            if item.keyword != "include":
                continue
            for name in recipe.expanded(item.paths).split():
                if "${" not in name and not any(os.path.exists(os.path.join(start, name)) for start in directories):  # noqa: PTH110
                    yield Problem(
                        f"there is no {name}, so this line does nothing",
                        source.find(item, item.paths),
                        len(item.paths),
                        "take it away; use require for what must be there",
                    )


def _inherited_twice(recipe: SurveyedRecipe) -> Iterator[Problem]:
    seen: dict[str, Location] = {}
    for source in recipe.sources:
        for item in source.of_type(Inherit):
            for name in item.classes.split():
                if "$" in name or "{" in name or not re.fullmatch(r"[\w./+-]+", name):
                    continue
                place = source.find(item, name)
                if name in seen:
                    yield Problem(f"{name} is inherited before ({seen[name]})", place, len(name), "once is enough")
                else:
                    seen[name] = place


# Tasks


def _empty_task(recipe: SurveyedRecipe) -> Iterator[Problem]:
    for name, task in recipe.recipe.tasks.items():
        if recipe.d.getVar(name, False) is None and not task.noexec:
            near = closest(name, (key for key in recipe.d if key.startswith("do_")))
            yield Problem(
                f"the task {name} has no function",
                task.location or recipe.start,
                hint=f"did you mean {near}?"
                if near and near != name
                else f'write {name}() {{ … }}, or {name}[noexec] = "1"',
            )


def _unknown_task(recipe: SurveyedRecipe) -> Iterator[Problem]:
    known = recipe.recipe.tasks
    for source in recipe.sources:
        for item in source.of_type(AddTask):
            for name in (*item.before, *item.after):
                if name not in known and "${" not in name:
                    near = closest(name, known)
                    yield Problem(
                        f"{recipe.recipe.pn} has no task {name}",
                        source.find(item, name.removeprefix("do_")),
                        hint=f"did you mean {near}?" if near else None,
                    )


# Names


def _package_of_nobody(recipe: SurveyedRecipe) -> Iterator[Problem]:
    packages = set(recipe.value("PACKAGES").split())
    if not packages:
        # A native recipe, which makes none but may be made of the same files.
        return
    dynamic = [re.compile(item) for item in recipe.recipe.packages_dynamic]
    for source, item in recipe.assignments():
        info = classify(item.name)
        if info.short not in PACKAGE_VARIABLES or item.flag is not None:
            continue
        name = recipe.expanded(info.base.partition(":")[2])
        if not name:
            if item.operator not in ("?=", "??=") and info.short != "FILES" and item.value.strip():
                yield Problem(
                    f"{info.short} without a package",
                    source.find(item, item.name),
                    len(item.name),
                    f"write {info.short}:${{PN}}",
                )
            continue
        package = _package_in(name, packages)
        if package is None and "${" not in name and not any(pattern.match(name) for pattern in dynamic):
            near = closest(name, packages)
            yield Problem(
                f"{recipe.recipe.pn} has no package {name}",
                source.find(item, item.name),
                len(item.name),
                f"did you mean {near}?" if near else f"its packages are {' '.join(sorted(packages)) or '(none)'}",
            )


def _package_in(name: str, packages: set[str]) -> str | None:
    """The package that an override (with others perhaps) begins or ends with."""
    parts = name.split(":")
    return next((part for part in parts if part in packages), None)


def _unknown_override(recipe: SurveyedRecipe) -> Iterator[Problem]:
    active = set(recipe.d.overrides)
    packages = set(recipe.value("PACKAGES").split())
    known = recipe.layers.override_words
    for source in recipe.sources:
        for statement in source.layout.parsed.statements:
            if not isinstance(statement, Assignment | Function) or not statement.name or ":" not in statement.name:
                continue
            info = classify(statement.name)
            if info.short in _PACKAGE_OVERRIDES or info.short.startswith("pkg_"):
                continue
            words = [*info.base.split(":")[1:], *info.condition]
            for word in words:
                name = recipe.expanded(word)
                if (
                    name in active
                    or name in known
                    or name in packages
                    or name in source.settings.overrides
                    or not re.fullmatch(r"[a-z0-9][\w.+-]*", name)
                    or name.startswith((*_OVERRIDE_FAMILIES, recipe.recipe.pn))
                ):
                    continue
                near = closest(name, {*active, *known} - {""})
                yield Problem(
                    f"no configuration has an override '{name}'",
                    source.find(statement, f":{word}"),
                    len(word) + 1,
                    f"did you mean '{near}'?"
                    if near
                    else "if there is one elsewhere, name it in lint.toml: overrides = […]",
                )


def _near_name(recipe: SurveyedRecipe) -> Iterator[Problem]:
    known = recipe.layers.variables
    for source, item in recipe.assignments():
        name = classify(item.name).short
        if item.flag is not None or item.export or not _VARIABLE.fullmatch(name):
            continue
        if name in known or name in recipe.mentioned or recipe.d.getVarFlag(name, "export", False):
            continue
        near = closest(name, known)
        if near and len(near) > 3 and _apart(name, near) <= 2:
            yield Problem(f"nothing uses {name}", source.find(item, item.name), len(name), f"did you mean {near}?")


def _apart(one: str, other: str) -> int:
    """By how many characters two names differ; more of them make another name, and no typing error."""
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for kind, a, b, c, d in blocks if kind != "equal")


RULES = (
    RecipeRule(
        "HBW301",
        "no SUMMARY",
        "Package lists and search show it; without it nobody knows what the recipe is for.",
        _no_summary,
    ),
    RecipeRule("HBW302", "no LICENSE", "What has no licence must not be passed on.", _no_licence, error=True),
    RecipeRule(
        "HBW303",
        "no HOMEPAGE",
        "Whoever upgrades the recipe or looks for a fix has to search for upstream first.",
        _no_homepage,
    ),
    RecipeRule(
        "HBW304",
        "a download without a checksum",
        "What the server sends today may be something else tomorrow; the fetcher gives nothing out without a checksum.",
        _no_checksum,
        error=True,
    ),
    RecipeRule(
        "HBW305",
        "a download with a weak checksum only",
        "Files with a given MD5 or SHA-1 sum can be made by others than upstream.",
        _weak_checksum,
    ),
    RecipeRule(
        "HBW306",
        "git without a fixed commit",
        "A branch or tag moves: the same recipe would build different things, and nobody could say which.",
        _moving_commit,
        error=True,
    ),
    RecipeRule(
        "HBW307",
        "git without a branch",
        "BitBake's fetcher wants to know the branch that the commit is on; without it the recipe works with hbake alone.",
        _no_branch,
    ),
    RecipeRule(
        "HBW308",
        "a git source without encryption",
        "Many servers and firewalls refuse the git protocol, and others can read what is asked for.",
        _plain_protocol,
    ),
    RecipeRule(
        "HBW309",
        "a version written out in SRC_URI",
        "After the recipe is renamed for the next version it still fetches the old one.",
        _written_version,
    ),
    RecipeRule(
        "HBW310", "a recipe that depends on itself", "It could be built only after itself.", _own_dependency, error=True
    ),
    RecipeRule(
        "HBW311",
        "a dependency that nobody provides",
        "The recipe can't be built; said here, it is seen before somebody tries.",
        _nobody_provides,
        error=True,
    ),
    RecipeRule(
        "HBW312",
        "an include of what isn't there",
        "include passes over a missing file without a word: a renamed file is lost that way.",
        _dead_include,
    ),
    RecipeRule(
        "HBW313",
        "a class inherited twice",
        "The second time does nothing, but its reader thinks it does.",
        _inherited_twice,
    ),
    RecipeRule("HBW314", "a task without a function", "Running it fails.", _empty_task, error=True),
    RecipeRule(
        "HBW315",
        "an order relative to a task that isn't there",
        "The relation is dropped without a word, so the task runs at another time than it seems.",
        _unknown_task,
    ),
    RecipeRule(
        "HBW316",
        "a package that the recipe doesn't have",
        "FILES, RDEPENDS and their like count for a package of PACKAGES only; for another name they do nothing.",
        _package_of_nobody,
    ),
    RecipeRule(
        "HBW317",
        "an override that is never in force",
        "An assignment for a misspelt override does nothing, in silence.",
        _unknown_override,
    ),
    RecipeRule(
        "HBW318",
        "a variable that nothing uses, nearly named as a known one",
        "A typing error in a name on the left side is no error for the language.",
        _near_name,
    ),
)
