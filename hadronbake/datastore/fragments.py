"""Fragments (``addfragments``): pieces of configuration in a layer that a variable of the user's switches on."""

# ruff: noqa: PTH110
from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from hadronbake.datastore.dependencies import dependencies_of
from hadronbake.datastore.embedded import logs
from hadronbake.datastore.errors import fail
from hadronbake.datastore.inline import at_word
from hadronbake.diagnostics import Diagnostic, Location
from hadronbake.language import statements as st

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore

    Evaluate = Callable[[str, DataStore], None]


def add_fragments(statement: st.AddFragments, d: DataStore, evaluate: Evaluate) -> None:
    """Apply the fragments that the statement's variable names. Raises BBHandledException for one that can't be."""
    if d.getVar("_BB_SKIP_FRAGMENTS") == "1":
        return
    builtin: dict[str, str] = {}
    for pair in (d.getVar(statement.builtin) or "").split():
        key, colon, variable = pair.partition(":")
        if not colon:
            message = f"{pair} in {statement.builtin} is not KEY:VARIABLE"
            place = d.origin(statement.builtin) or statement.location
            fail(at_word(Diagnostic("HBD114", message, place), pair, d.expand))
        builtin[key] = variable
    wanted = (d.getVar(statement.variable) or "").split()
    used: dict[str, list[str]] = {}
    for word in wanted:
        used.setdefault(word.split("/", 1)[0], []).append(word)
    for key in builtin:
        if len(used.get(key, ())) > 1:
            logs.warn(
                f"Multiple builtin fragments are enabled for {builtin[key]} via variable {statement.variable}: "
                f"{' '.join(used[key])}. The last one will be used."
            )
    for word in wanted:
        if "/" not in word:
            _wrong_fragment("HBD110", f"fragment {word} in {statement.variable} is not LAYER/NAME", word, statement, d)
        key, value = word.split("/", 1)
        if key in builtin:
            _builtin_fragment(word, value, builtin[key], statement, d)
        else:
            _file_fragment(word, key, value, statement, d, evaluate)


def _wrong_fragment(
    code: str,
    message: str,
    word: str,
    statement: st.AddFragments,
    d: DataStore,
    hint: str | None = None,
    note: tuple[Location | None, str] | None = None,
) -> NoReturn:
    place = d.origin(statement.variable) or statement.location
    fail(at_word(Diagnostic(code, message, place, hint=hint, notes=(note,) if note else ()), word, d.expand))


def _builtin_fragment(word: str, value: str, variable: str, statement: st.AddFragments, d: DataStore) -> None:
    if (
        d.getVar(variable, noweakdefault=True) is not None
        and (d.getVar("__fragments", False) or {}).get(variable) is None
    ):
        _wrong_fragment(
            "HBD111",
            f"the builtin fragment {word} is used while {variable} has a value already",
            word,
            statement,
            d,
            f"take {word} out of {statement.variable}, or remove the assignment of {variable}",
            (d.origin(variable), f"{variable} is set here") if d.origin(variable) else None,
        )
    place = statement.location
    detail = f'{value} ({statement.variable} contains "{word}")'
    d.setVar(variable, value, parsing=True, op="set", file=place.file, line=place.line, detail=detail)
    d.setVar("__fragments", {**(d.getVar("__fragments", False) or {}), variable: word}, parsing=True)


def _file_fragment(
    word: str, layer: str, name: str, statement: st.AddFragments, d: DataStore, evaluate: Evaluate
) -> None:
    below = os.path.join(d.expand(statement.prefix), f"{name}.conf")
    tried = []
    for directory in (d.getVar("BBLAYERS") or "").split():
        candidate = os.path.join(directory, below)
        dependencies_of(d).note(candidate)
        tried.append(candidate)
        if os.path.exists(candidate) and _collection_of(candidate, d) == layer:
            evaluate(candidate, d)
            break
    else:
        _wrong_fragment(
            "HBD112",
            f"Could not find fragment {word} in enabled layers: {d.getVar('BBLAYERS')}",
            word,
            statement,
            d,
            f"looked for {below} in the layer with the collection {layer}",
        )
    for variable in (d.getVar(statement.metadata_variables) or "").split():
        d.setVarFlag(variable, word, d.getVar(variable))
        d.setVar(variable, None)


def _collection_of(path: str, d: DataStore) -> str | None:
    """The collection of the layer that holds the file, by the pattern of its recipes."""
    from hadronbake.datastore.embedded.parsing import get_file_layer

    return get_file_layer(path, d)
