"""``${NAME}`` and ``${@expression}``: a text to its expanded form, with what it referred to.

An :class:`Expansion` also keeps the facts that it rests on (the ``Variable`` objects read and the expansions used), so a store
can tell later, without expanding again, whether it still holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hadronbake.datastore.context import Names, compile_expression, definition_changes
from hadronbake.datastore.errors import BBHandledException, ExpansionError, SkipRecipe
from hadronbake.datastore.expressions import python_expressions
from hadronbake.datastore.inline import Failed
from hadronbake.datastore.overrides import Overrides
from hadronbake.datastore.references import python_references

if TYPE_CHECKING:
    from hadronbake.datastore.reading import Reading
    from hadronbake.datastore.variable import Variable

_NAME = re.compile(r"\$\{([a-zA-Z0-9\-_+./~:]+)\}")


_NONE: frozenset[str] = frozenset()


# Each pass takes away one level of nesting; text that makes new text without end must not hang.
_MAX_PASSES = 2000
# Variables that hold one another twice double in length with each: a few lines would fill the memory.
_MAX_LENGTH = 1 << 26
# Texts of which it isn't remembered where their inline Python is.
_LONG = 4096


class Expansion:
    """``raw`` text, ``value``, and what was met: ``references`` (names, resolved or not), ``execs`` (called functions),
    ``contains`` (variable → words asked for), ``removes`` (raw ``:remove`` entries that removed something).
    """

    __slots__ = (
        "changes",
        "codes",
        "inputs",
        "names",
        "overrides",
        "raw",
        "removes",
        "used",
        "value",
        "varname",
        "volatile",
    )

    def __init__(self, varname: str | None, raw: Any) -> None:
        self.varname = varname
        self.raw = raw
        self.value: Any = raw
        # Names in the text, and inline Python: what this refers to in turn is only wanted for hashes.
        self.names: frozenset[str] = _NONE
        self.codes: tuple[str, ...] = ()
        self.removes: frozenset[str] = _NONE
        # The facts. ``overrides`` is None as long as OVERRIDES made no difference, in ``used`` neither; ``changes`` is -1 without Python.
        # There are very many of these objects, so what is empty is not made.
        self.inputs: dict[str, Variable | None] | None = None
        self.used: dict[Expansion, None] | None = None
        self.overrides: Overrides | None = None
        self.changes = -1
        self.volatile = False

    @property
    def references(self) -> frozenset[str]:
        if not self.codes:
            return self.names
        return self.names.union(*(python_references(code).references for code in self.codes))

    @property
    def execs(self) -> frozenset[str]:
        return _NONE.union(*(python_references(code).execs for code in self.codes)) if self.codes else _NONE

    @property
    def contains(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for code in self.codes:
            for name, words in python_references(code).contains.items():
                found[name] = found.get(name, _NONE) | words
        return found

    @property
    def unexpanded_value(self) -> Any:
        return self.raw

    def note_input(self, name: str, variable: Variable | None) -> None:
        if self.inputs is None:
            self.inputs = {name: variable}
        elif self.inputs.setdefault(name, variable) is not variable:
            # The same name in two stores: no single store can tell later whether both are as they were.
            self.volatile = True

    def note_used(self, other: Expansion) -> None:
        if self.used is None:
            self.used = {other: None}
        else:
            self.used[other] = None
        if other.overrides is not None:
            self.overrides = other.overrides


class Watch:
    """The expansion that is being made now; every read of any store is noted in it. One a process: Python code within
    an expansion may read copies of the store."""

    current: Expansion | None = None


@lru_cache(maxsize=1 << 16)
def split_names(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Literal text and names in turn (``a${B}c`` is ``("a", "B", "c")``), and the set of the names."""
    parts = tuple(_NAME.split(text))
    return parts, frozenset(parts[1::2])


def expand_into(d: Reading, text: str, result: Expansion) -> None:
    """Set ``result.value`` to the expanded ``text``. Raises ExpansionError; SkipRecipe and BBHandledException pass."""
    varname = result.varname
    try:
        first = True
        for _ in range(_MAX_PASSES):
            if "${" not in text:
                break
            before = text
            # Only the text as it was written is likely to come again.
            parts, names = split_names(text) if first else split_names.__wrapped__(text)
            first = False
            if names:
                result.names = result.names | names if result.names else names
                text = _fill(d, parts, result)
            if "${@" in text:
                text = _run(d, text, result)
            if text == before:
                break
        else:
            raise RecursionError(f"the text still changes after {_MAX_PASSES} passes")
    except ExpansionError as error:
        known = d.variables.get(varname.split("[", 1)[0]) if varname else None
        error.addVar(varname, known.origin if known is not None else None)
        raise
    except (SkipRecipe, BBHandledException, KeyboardInterrupt):
        raise
    except BaseException as error:
        # SystemExit too: code of the metadata doesn't end the engine.
        raise d.expansion_error(varname, text, error) from error
    result.value = text


def _fill(d: Reading, parts: tuple[str, ...], result: Expansion) -> str:
    pieces = list(parts)
    length = 0
    expansion = d.expansion
    for index in range(1, len(pieces), 2):
        name = pieces[index]
        if name == result.varname:
            raise RecursionError(f"variable {name} references itself")
        value = expansion(name).value
        if type(value) is str:
            pieces[index] = value
            length += len(value)
            if length > _MAX_LENGTH:
                raise OverflowError(f"the value is longer than {_MAX_LENGTH >> 20} million characters")
        elif value is None:
            pieces[index] = "${" + name + "}"
        else:
            raise TypeError(f"${{{name}}} is not text but {type(value).__name__}")
    return "".join(pieces)


@lru_cache(maxsize=1 << 14)
def _expressions(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(python_expressions(text))


def _run(d: Reading, text: str, result: Expansion) -> str:
    """The text with each ``${@code}`` replaced by its result; as it is, if one ends within a string: then it is hardly Python."""
    pieces: list[str] = []
    after = 0
    for start, end in _expressions(text) if len(text) < _LONG else python_expressions(text):
        found = _evaluate(d, text[start:end], result)
        if found is None:
            return text
        pieces += (text[after : start - 3], found)
        after = end + 1
    pieces.append(text[after:])
    return "".join(pieces)


def _evaluate(d: Reading, code: str, result: Expansion) -> str | None:
    # With an unresolved name in it the code would mean something else.
    if "${" in code and _NAME.search(code):
        return "${@" + code + "}"
    try:
        compiled = compile_expression(code, f"Var <{result.varname}>" if result.varname else "<expansion>")
    except SyntaxError as error:
        if error.msg and error.msg.startswith("unterminated string literal"):
            return None
        Failed.code, Failed.error = code, error
        raise
    result.codes += (code,)
    result.changes = definition_changes()
    if Watch.current is not None:
        Watch.current.changes = result.changes
    scope = Names(d)
    try:
        return str(eval(compiled, scope, scope))
    except Exception as error:
        if not isinstance(error, ExpansionError):
            Failed.code, Failed.error = code, error
        raise


_SPACE = re.compile(r"(\s)")


def remove_words(text: str, entries: dict[str, list[str]]) -> tuple[str, frozenset[str]]:
    """``text`` without the words of ``entries`` (raw entry → words), all white space kept; and the entries that matched."""
    owners: dict[str, list[str]] = {}
    for raw, words in entries.items():
        for word in words:
            owners.setdefault(word, []).append(raw)
    kept = []
    matched: set[str] = set()
    for piece in _SPACE.split(text):
        if piece in owners:
            matched.update(owners[piece])
        else:
            kept.append(piece)
    return ("".join(kept) if matched else text), frozenset(matched)
