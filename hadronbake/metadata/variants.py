"""From a recipe file to finalised datastores, one for each variant, in the order of language.md §13."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hadronbake.datastore.context import run_body
from hadronbake.datastore.dependencies import ParseDependencies, dependencies_of
from hadronbake.datastore.embedded import events, parsing
from hadronbake.datastore.errors import BBHandledException, ParseError, SkipRecipe, logger
from hadronbake.datastore.evaluator import (
    collecting_syntax_errors,
    evaluate,
    evaluate_file,
    inherit,
    inherit_defer,
    python_error,
    read,
)
from hadronbake.datastore.inline import METADATA, at_word, find_in_statement
from hadronbake.datastore.keys import expand_keys
from hadronbake.datastore.store import RENAME_SEEN, DataStore
from hadronbake.datastore.variable import WEAK_FLAG
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location
from hadronbake.metadata.configuration import register_handlers
from hadronbake.metadata.failures import python_failure
from hadronbake.metadata.layers import RecipeFile


@dataclass(frozen=True, slots=True)
class Variant:
    """A finalised datastore. ``skipped``: why the recipe is not for this configuration, or None. ``tasks`` is empty then."""

    name: str
    d: DataStore
    skipped: str | None
    tasks: tuple[str, ...]


def parse_recipe(
    file: RecipeFile, base: DataStore, only: str | None = None
) -> tuple[dict[str, Variant], ParseDependencies]:
    """Parse and finalise a recipe and its variants (or only the variant ``only``); gives them with what they depend on.

    ``base`` is not changed. Raises HadronbakeError: all syntax errors of all files involved, or the first other error.
    """
    d = base.createCopy()
    dependencies = ParseDependencies()
    d.setVar("__depends", dependencies)
    d.setVar("__included", ())
    d.setVar("__bbclasstype", "recipe")
    d.setVar("__BBMULTICONFIG", d.getVar("BB_CURRENT_MC", False) or "")
    d.setVar("FILE_LAYERNAME", file.layer)
    d.setVar("__BB_RECIPE_FILE", file.path)
    d.setVar("__BBAPPEND", " ".join(file.appends))
    handlers = events.get_handlers()
    try:
        try:
            with collecting_syntax_errors():
                evaluate_file(file.path, d)
                # FILE stays that of the recipe after it.
                d.setVar("FILE", file.path, parsing=True)
                for append in file.appends:
                    evaluate_file(append, d)
        except SkipRecipe as reason:
            d.setVar("__SKIPPED", str(reason) or True)
            d.setVar("FILE", file.path, parsing=True)
            return {"": Variant("", d, str(reason), ())}, dependencies
        return _finalise_all(file.path, d, only), dependencies
    finally:
        events.set_handlers(handlers)


def _finalise_all(path: str, d: DataStore, only: str | None) -> dict[str, Variant]:
    untouched = d
    d = untouched.createCopy()
    # Even when only a variant is wanted the base decides which variants there are.
    base = _finalise_or_skip(path, d, "")
    found = {"": base}
    extended = d.getVar("BBCLASSEXTEND") or ""
    pn = d.getVar("PN")
    for word in extended.split():
        if only is not None and word != only:
            continue
        name, _, argument = word.partition(":")
        copy = untouched.createCopy()
        copy.setVar("BBCLASSEXTEND", extended)
        if argument:
            copy.setVar("BBEXTENDCURR", name)
            copy.setVar("BBEXTENDVARIANT", argument)
        else:
            copy.setVar("PN", f"{pn}-{name}")
        place = untouched.origin("BBCLASSEXTEND") or Location(path)
        inherit_defer(name, place.file, place.line, copy)
        found[word] = _finalise_or_skip(path, copy, word)
    return found


def _finalise_or_skip(path: str, d: DataStore, variant: str) -> Variant:
    handlers = events.get_handlers()
    try:
        names = finalise(path, d)
    except SkipRecipe as reason:
        d.setVar("__SKIPPED", str(reason))
        return Variant(variant, d, str(reason), ())
    finally:
        events.set_handlers(handlers)
    return Variant(variant, d, None, names)


def finalise(path: str, d: DataStore) -> tuple[str, ...]:
    """Steps 3 to 8 of §13, and the end of 10; gives the tasks. Raises SkipRecipe and all kinds of HadronbakeError."""
    if d.getVar(RENAME_SEEN, False):
        raise BBHandledException(
            Diagnostic(
                "HBM020",
                "variables that have been renamed are set (see above)",
                Location(path),
                hint="use the new names",
            )
        )
    deferred = d.getVar("__BBDEFINHERITS", False) or []
    events.fire(events.RecipePreDeferredInherits(path, [item[0] for item in deferred]), d)
    with collecting_syntax_errors():
        while deferred := d.getVar("__BBDEFINHERITS", False) or []:
            (classes, file, line), *rest = deferred
            d.setVar("__BBDEFINHERITS", rest)
            inherit(classes, file, line, d, deferred=True)
    register_handlers(d)
    events.fire(events.RecipePreFinalise(path), d)
    expand_keys(d)
    events.fire(events.RecipePostKeyExpansion(path), d)
    _run_anonymous(d)
    names = d.getVar("__BBTASKS", False) or []
    events.fire(events.RecipeTaskPreProcess(path, list(names)), d)
    names = d.getVar("__BBTASKS", False) or []
    _map_virtual_providers(names, d)
    _build_task_table(names, d)
    d.setVar("BBINCLUDED", parsing.get_file_depends(d))
    events.fire(events.RecipeParsed(path), d)
    return tuple(d.getVar("__BBTASKS", False) or ())


def _run_anonymous(d: DataStore) -> None:
    for body, file, line in d.getVar("__BBANONFUNCS", False) or ():
        try:
            run_body("__anonymous", body, file, line + 1, d)
        except (SkipRecipe, HadronbakeError, KeyboardInterrupt):
            raise
        except SyntaxError as error:
            raise python_error(error, "an anonymous function", Location(file, line)) from error
        except BaseException as error:
            raise python_failure(error, "the anonymous function", Location(file, line)) from error


def _map_virtual_providers(names: list[str], d: DataStore) -> None:
    """Done for every recipe, as BitBake does it: DEPENDS is a plain, expanded list from then on, whatever is mapped in it.

    Where the history is kept and nothing is mapped it stays as it was written, for those who ask what it is made of.
    """
    virtual = frozenset((d.getVar("BB_RECIPE_VIRTUAL_PROVIDERS") or "").split())

    def mapped(name: str) -> str:
        if name not in virtual:
            return name
        provider = d.getVar(f"PREFERRED_PROVIDER_{name}")
        if not provider:
            raise BBHandledException(
                at_word(
                    Diagnostic(
                        "HBM022",
                        f"recipe virtual provider PREFERRED_PROVIDER_{name} is not set",
                        d.origin("BB_RECIPE_VIRTUAL_PROVIDERS"),
                        hint=f"set PREFERRED_PROVIDER_{name} in the configuration",
                    ),
                    name,
                )
            )
        return str(provider)

    words = (d.getVar("DEPENDS") or "").split()
    depends = [mapped(name) for name in words]
    if depends != words or not d.tracking:
        # With its operations, whose overrides are looked at later.
        d.setVar(WRITTEN, d.variables.get("DEPENDS"), parsing=True)
        d.setVar("DEPENDS", " ".join(depends), location=d.origin("DEPENDS"))
    for task in names:
        written = d.getVarFlag(task, "depends")
        pairs = [entry.rpartition(":") for entry in written.split()] if written else []
        d.put_flags(task, {"depends": " ".join(f"{mapped(name)}{colon}{other}" for name, colon, other in pairs)})


_TABLE_FLAGS = (
    "depends",
    "rdepends",
    "deptask",
    "rdeptask",
    "recrdeptask",
    "recideptask",
    "mcdepends",
    "nostamp",
    "fakeroot",
    "noexec",
    "umask",
)
WRITTEN = "__DEPENDS_WRITTEN"
_SWITCHES = ("nostamp", "fakeroot", "noexec")


def _build_task_table(names: list[str], d: DataStore) -> None:
    """``_task_deps``: what metadata's handlers expect to find, all expanded."""
    written = {name: d.expand(name) for name in names}
    table: dict[str, Any] = {"tasks": list(dict.fromkeys(written.values())), "parents": {}}
    if names:
        d.setVar("__BBTASKS", table["tasks"])
        table.update({flag: {} for flag in _TABLE_FLAGS})
    for raw, task in written.items():
        variable = d.variables.get(task)
        known: Mapping[str, Any] = {} if variable is None else variable.flags
        for flag in _TABLE_FLAGS:
            if (flag in known or WEAK_FLAG + flag in known) and (value := d.getVarFlag(task, flag)) is not None:
                table[flag][task] = value
                if flag in _SWITCHES and value != "1":
                    _warn_of_switch(task, flag, value, d)
        deps = list(known.get("deps") or d.getVarFlag(task, "deps", False) or ())
        if raw != task:
            # The relations were kept under the name as it was written.
            deps += d.getVarFlag(raw, "deps", False) or ()
        table["parents"][task] = list(dict.fromkeys(d.expand(name) for name in deps))
        changed = {"deps": table["parents"][task]}
        d.put_flags(task, changed if known.get("task") == 1 else {"task": 1, **changed})
    d.setVar("_task_deps", table)


def _warn_of_switch(task: str, flag: str, value: str, d: DataStore) -> None:
    files = [path for path in dependencies_of(d) if path.endswith(METADATA)]
    name = f"{task}[{flag}]"
    seen = find_in_statement(re.escape(name), value, files)
    logger.warning(
        "In a future version of BitBake, setting the '%s' flag to something other than '1' will result in the flag not being "
        'set; now %s is set, though its value is "%s"',
        flag,
        name,
        value,
        extra={
            "place": seen or Diagnostic("", "", d.origin(task)),
            "code": "HBM086",
            "hint": f'write {name} = "1", or take the flag away: unset {name}',
        },
    )


def _handle(path: str, d: DataStore, baseconfig: bool) -> Any:
    """``bb.parse.handle``: of a recipe the datastores by variant, else ``d``."""
    path = os.path.abspath(path)  # noqa: PTH100
    if not path.endswith(".bb"):
        evaluate(read(path, d), d)
        return d
    dependencies_of(d)
    found, _ = parse_recipe(RecipeFile(path, d.getVar("FILE_LAYERNAME") or "", 0), d)
    return {name: variant.d for name, variant in found.items()}


parsing.recipe_parser[:] = [_handle]
__all__ = ["ParseError", "Variant", "finalise", "parse_recipe"]
