"""What a value depends on, and the hashes of tasks made from that (§16 and §17 of the language reference)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hadronbake.datastore.errors import ParseError
from hadronbake.datastore.expansion import split_names
from hadronbake.datastore.references import (
    CodeReferences,
    ModuleFunction,
    module_function,
    module_state,
    python_references,
)
from hadronbake.datastore.shellcode import shell_references
from hadronbake.datastore.store import DataStore
from hadronbake.datastore.variable import MISSING, WEAK_FLAG
from hadronbake.diagnostics import Diagnostic, Location

Contains = Mapping[str, Iterable[str]]
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dependencies:
    """``text``: the hash text (None for a variable without a value). ``names``: what its value depends on. ``unhashed``: what it
    may read besides: names that are excluded or ignored, and the variables it only asks for words."""

    text: str | None
    names: frozenset[str]
    unhashed: frozenset[str]


# What flags change in the dependencies of their variable, beside being dependencies themselves.
_SPECIAL = ("vardepsexclude", "vardepvalue", "vardepvalueexclude", "vardeps", "prefuncs", "postfuncs", "exports")
# How many answers that are the same in every store a process keeps.
_MOST = 1 << 17


class _Shape:
    """What the names of its flags say about a variable: ``flags`` (``V[flag]``) that count as dependencies; whether a flag is
    ``special``."""

    __slots__ = ("flags", "special")

    def __init__(self, flags: frozenset[str], special: bool) -> None:
        self.flags = flags
        self.special = special


@lru_cache(maxsize=1 << 16)
def _shape(name: str, flags: tuple[str, ...], excluded: frozenset[str]) -> _Shape:
    names = {flag.removeprefix(WEAK_FLAG) for flag in flags}
    counted = {flag for flag in names if not flag.startswith(("_", ":"))} - excluded if excluded else ()
    return _Shape(frozenset(f"{name}[{flag}]" for flag in counted), not names.isdisjoint(_SPECIAL))


@lru_cache(maxsize=1 << 16)
def _plain_names(text: str) -> frozenset[str] | None:
    """The names in a text whose dollars are all those of ``${NAME}``; None for another text."""
    parts, names = split_names(text)
    return None if any("$" in part for part in parts[::2]) else names


# By what is ignored: memories of dependencies that are the same in every store.
_memories: dict[frozenset[str], dict[Any, Dependencies]] = {}

# What a name expands to: text without a dollar; nothing, so that ``${NAME}`` stays; anything else, an error too.
_SETTLED, _UNSET, _OTHER = range(3)
_DEEP = 100


class Analysis:
    """The dependencies of the variables of one store, each worked out once. The store must not change meanwhile.

    ``ignored``: names that never count; by default BB_BASEHASH_IGNORE_VARS.

    The references of a text are those met when it is expanded. Most texts need not be for that: if all names in it expand to text
    without a dollar or to nothing at all, they are what it refers to.
    """

    def __init__(self, d: DataStore, ignored: Iterable[str] | None = None) -> None:
        self._d = d
        self._ignored = frozenset(_words(d.getVar("BB_BASEHASH_IGNORE_VARS")) if ignored is None else ignored)
        self._exclude_flags = frozenset(_words(d.getVar("BB_SIGNATURE_EXCLUDE_FLAGS")))
        self.exported = frozenset(d.exported_names())
        self._shell_store = d
        forced = _words(d.getVar("BB_HASH_CODEPARSER_VALS"))
        if forced:
            self._shell_store = d.createCopy()
            for item in forced:
                name, _, value = item.partition("=")
                self._shell_store.setVar(name, value)
        self._known: dict[str, Dependencies] = {}
        self._states: dict[str, int] = {}
        self._memory = _memories.setdefault(self._ignored, {})
        if len(self._memory) > _MOST:
            self._memory.clear()

    def dependencies(self, name: str) -> Dependencies:
        """Of a variable, a flag (``V[flag]``) or a tracked library function. Raises ExpansionError, and ParseError for
        Python code that cannot be read."""
        found = self._known.get(name)
        if found is None:
            function = module_function(name)
            if function is not None:
                found = self._of_module(function)
            elif name.endswith("]") and "[" in name:
                found = self._of_flag(name)
            else:
                found = self._of_variable(name)
            self._known[name] = found
        return found

    def transitive(self, name: str) -> tuple[str, ...]:
        """All names that ``name`` depends on, sorted; itself only if something it needs depends on it."""
        direct, _ = _gather(self, [name])
        return tuple(sorted(_closure({name}, direct)))

    def runtime_names(self, task: str) -> tuple[str, ...]:
        """What the code of a Python function may read when it runs: what it and the Python functions it calls refer to,
        hashed or not, sorted."""
        found: set[str] = set()
        seen = {task}
        waiting = [task]
        while waiting:
            name = waiting.pop()
            known = self.dependencies(name)
            names = known.names | known.unhashed
            found |= names
            for item in names - seen:
                if module_function(item) is not None or self._d.getVarFlag(item, "func", False):
                    seen.add(item)
                    waiting.append(item)
        return tuple(sorted(found - {task}))

    # -- the kinds -----------------------------------------------------------------------------------------------------

    def _of_module(self, function: ModuleFunction) -> Dependencies:
        code = function.found
        every = code.references | self._functions_in(code.execs)
        excluded = _NONE
        if function.name in self._d.variables:
            excluded = frozenset(_words(self._d.getVarFlag(function.name, "vardepsexclude")))
        elif not code.contains:
            return self._remembered((function.text, every), function.text, every, every)
        text = function.text + self._answers(code.contains, _NONE)
        return Dependencies(text, every - excluded - self._ignored, every | frozenset(code.contains))

    def _of_flag(self, name: str) -> Dependencies:
        variable, _, flag = name[:-1].partition("[")
        if flag == "vardepvalueexclude":
            return Dependencies("", _NONE, _NONE)
        known = self._d.variables.get(variable)
        if known is not None and flag in known.flags:
            value = known.flags[flag]
        else:
            value = self._d.getVarFlag(variable, flag, False)
        if type(value) is not str:
            return Dependencies(None if value is None else str(value), _NONE, _NONE)
        if "${" not in value:
            return _constant(value)
        names = _plain_names(value)
        if names is not None and self._settle(names):
            return self._remembered(value, value, names, names)
        met = self._d.expansion(name)
        every = met.references | self._functions_in(met.execs)
        return Dependencies(value, every - self._ignored, every | frozenset(met.contains))

    def _of_variable(self, name: str) -> Dependencies:
        variable = self._d.variables.get(name)
        flags: Mapping[str, Any] = variable.flags if variable is not None else {}
        shape = _shape(name, tuple(flags), self._exclude_flags) if flags else _NO_SHAPE
        function = _value(flags, "func") if flags else None
        if not function and not shape.special:
            text = self._d.sole_text(name)
            if text is None:
                return self._remembered(shape, None, shape.flags, shape.flags) if shape.flags else _NOTHING
            if type(text) is str:
                names = _plain_names(text)
                if names is not None and self._settle(names):
                    if not shape.flags:
                        return self._remembered(text, text, names, names)
                    return self._remembered((shape, text), text, names | shape.flags, names | shape.flags)
        excluded = frozenset(_words(self._flag(name, flags, "vardepsexclude"))) if shape.special else _NONE
        content: tuple[str | None, frozenset[str], frozenset[str]]
        if not function:
            content = self._of_text(name, excluded)
        elif _value(flags, "python"):
            content = self._of_python(name, flags, excluded)
        else:
            content = self._of_shell(name, excluded)
        text, every, met = content
        if not shape.special:
            if not met:
                key = (shape, text, every)
                found = self._memory.get(key)
                if found is not None:
                    return found
                return self._remembered(key, text, every | shape.flags, every | shape.flags)
            every |= shape.flags
            return Dependencies(text, every - self._ignored, every | met)
        if function:
            for flag in ("prefuncs", "postfuncs", "exports"):
                every |= frozenset(_words(self._flag(name, flags, flag)))
        hashed = every
        replaced = self._flag(name, flags, "vardepvalue")
        if replaced is not None:
            # The content is not analysed for the hash; what it reads when it runs is still what it reads.
            text, hashed = str(replaced), _NONE
        # As it is written, not expanded.
        for part in (_value(flags, "vardepvalueexclude") or "").split("|"):
            if part and text is not None:
                text = text.replace(part, "")
        more = shape.flags.union(_words(self._flag(name, flags, "vardeps")))
        hashed |= more
        return Dependencies(text, hashed - excluded - self._ignored, every | more | met)

    def _remembered(self, key: Any, text: str | None, names: frozenset[str], every: frozenset[str]) -> Dependencies:
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = Dependencies(text, names - self._ignored, every)
        return found

    def _settle(self, names: frozenset[str]) -> bool:
        """Whether each of the names expands to text without a dollar, or to nothing."""
        states = self._states
        for name in names:
            state = states.get(name)
            if (self._state(name, 0) if state is None else state) == _OTHER:
                return False
        return True

    def _state(self, name: str, depth: int) -> int:
        found = self._states.get(name)
        if found is None:
            if depth > _DEEP:
                return _OTHER
            # While it is being looked at: a circle never settles.
            self._states[name] = _OTHER
            found = self._states[name] = self._expands_to(name, depth)
        return found

    def _expands_to(self, name: str, depth: int) -> int:
        text = self._d.sole_text(name)
        if text is None:
            return _UNSET
        names = _plain_names(text) if type(text) is str else None
        if names is not None:
            for other in names:
                if self._state(other, depth + 1) != _SETTLED:
                    return _OTHER
            return _SETTLED
        if text is not MISSING and type(text) is not str:
            return _OTHER
        try:
            value = self._d.expansion(name).value
        except Exception:
            # Whatever refers to it is expanded, and fails with its own chain of names.
            return _OTHER
        if value is None:
            return _UNSET
        return _SETTLED if type(value) is str and "$" not in value else _OTHER

    def _of_text(self, name: str, excluded: frozenset[str]) -> tuple[str | None, frozenset[str], frozenset[str]]:
        met = self._d.expansion(name)
        every = met.references
        if met.execs:
            every |= self._functions_in(met.execs)
        text = None if met.raw is None else str(met.raw)
        asked: frozenset[str] = _NONE
        if met.contains:
            asked = frozenset(met.contains)
            text = (text or "") + self._answers(met.contains, excluded)
        if met.removes:
            more, names, questions = self._removed(met.removes, excluded)
            return (text or "") + more, every | names, asked | questions
        return text, every, asked

    def _of_python(
        self, name: str, flags: Mapping[str, Any], excluded: frozenset[str]
    ) -> tuple[str | None, frozenset[str], frozenset[str]]:
        code = self._d.getVar(name, False)
        if code is None:
            return None, _NONE, _NONE
        found = self._read_python(name, str(code), flags)
        every = found.references | self._functions_in(found.execs)
        return str(code) + self._answers(found.contains, excluded), every, frozenset(found.contains)

    def _read_python(self, name: str, code: str, flags: Mapping[str, Any]) -> CodeReferences:
        try:
            return python_references(code)
        except SyntaxError as error:
            first = int(_value(flags, "lineno") or 0)
            # A body is read below a line that stands for its header; a ``def`` block begins with it.
            line = first + (error.lineno or 1) - 1
            message, file = f"Python syntax error in {name}: {error.msg}", str(_value(flags, "filename") or name)
            item = Diagnostic("HBD107", message, Location(file, line, error.offset or 0))
            raise ParseError(message, file, line, diagnostics=(item,)) from error

    def _of_shell(self, name: str, excluded: frozenset[str]) -> tuple[str | None, frozenset[str], frozenset[str]]:
        met = self._shell_store.expansion(name)
        commands = shell_references(met.value) if isinstance(met.value, str) else _NONE
        every = self.exported | met.references | self._functions_in(commands | met.execs)
        text = None if met.raw is None else str(met.raw) + self._answers(met.contains, excluded)
        asked = frozenset(met.contains)
        if met.removes:
            more, names, questions = self._removed(met.removes, excluded)
            return (text or "") + more, every | names, asked | questions
        return text, every, asked

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _removed(self, entries: frozenset[str], excluded: frozenset[str]) -> tuple[str, frozenset[str], frozenset[str]]:
        text = ""
        names: frozenset[str] = _NONE
        asked: frozenset[str] = _NONE
        for entry in sorted(entries):
            met = self._d.expandWithRefs(entry, None)
            names |= met.references | self._functions_in(met.execs)
            asked |= frozenset(met.contains)
            text += f"\n_remove of {entry}{self._answers(met.contains, excluded)}"
        return text, names, asked

    def _answers(self, contains: Contains, excluded: frozenset[str]) -> str:
        """Which of the words asked for are in the variables: only that counts, not the rest of their values."""
        lines = []
        for name in sorted(contains):
            if name in excluded or name in self._ignored:
                continue
            words = set(_words(self._d.getVar(name)))
            for item in sorted(contains[name]):
                answer = "Set" if words.issuperset(item.split()) else "Unset"
                lines.append(f"\n{name}{{{item}}} = {answer}")
        return "".join(lines)

    def _functions_in(self, execs: frozenset[str]) -> frozenset[str]:
        """Those of the called names that are variables or tracked library functions."""
        if not execs:
            return _NONE
        found, others = _module_functions_in(execs, module_state())
        variables = self._d.variables
        if variables.keys().isdisjoint(others):
            return found
        return found.union(
            name
            for name in variables.keys() & others
            if not name.startswith("__") and (variables[name].exists or variables[name].variants)
        )

    def _flag(self, name: str, flags: Mapping[str, Any], flag: str) -> Any:
        """The expanded value of a flag."""
        if flag not in flags and WEAK_FLAG + flag not in flags:
            return None
        return self._d.getVarFlag(name, flag)


_NO_SHAPE = _Shape(_NONE, False)
_NOTHING = Dependencies(None, _NONE, _NONE)


@lru_cache(maxsize=1 << 14)
def _module_functions_in(execs: frozenset[str], state: int) -> tuple[frozenset[str], frozenset[str]]:
    """Which of the called names are tracked library functions, and the others."""
    found = frozenset(name for name in execs if module_function(name) is not None)
    return found, execs - found


@lru_cache(maxsize=1 << 14)
def _constant(text: str) -> Dependencies:
    return Dependencies(text, _NONE, _NONE)


@dataclass(frozen=True, slots=True)
class Hashes:
    """``texts``: hash texts by name. By task: ``names`` that the hash covers (sorted, without the task), and ``hashes``."""

    texts: Mapping[str, str | None]
    names: Mapping[str, tuple[str, ...]]
    hashes: Mapping[str, str]


def hash_tasks(d: DataStore, tasks: Iterable[str], ignored: Iterable[str] | None = None) -> Hashes:
    """The base hashes of all tasks of a recipe, with what is in them. Raises ExpansionError, ParseError."""
    analysis = Analysis(d, ignored)
    tasks = list(tasks)
    direct, texts = _gather(analysis, tasks)
    # Every shell function depends on all exported variables: what these need is worked out once.
    common = analysis.exported & direct.keys()
    behind = _closure(common, direct) | common
    names: dict[str, tuple[str, ...]] = {}
    hashes: dict[str, str] = {}
    pieces = {name: _piece(name, text) for name, text in texts.items()}
    for task in tasks:
        names[task] = tuple(sorted(_closure({task}, direct, common, behind)))
        hashes[task] = _hash(texts[task], [pieces[name] for name in names[task]])
    return Hashes(texts, names, hashes)


def value_dependencies(d: DataStore, name: str, ignored: Iterable[str] | None = None) -> Dependencies:
    """Hash text and dependencies of one variable; for many use one :class:`Analysis`."""
    return Analysis(d, ignored).dependencies(name)


def generate_dependencies(
    d: DataStore, tasks: Iterable[str], ignored: Iterable[str] | None = None
) -> tuple[dict[str, tuple[str, ...]], dict[str, str | None]]:
    """For the tasks and all they depend on: the direct dependencies (sorted), and the hash text, by name."""
    direct, texts = _gather(Analysis(d, ignored), tasks)
    return {name: tuple(sorted(found)) for name, found in direct.items()}, texts


def transitive(task: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    """All that ``task`` depends on, sorted, from the direct dependencies that :func:`generate_dependencies` gives."""
    return sorted(_closure({task}, names))


def basehash(task: str, names: Mapping[str, Iterable[str]], texts: Mapping[str, str | None]) -> str:
    """SHA-256 over the task's hash text and, in sorted order, the names and texts of all it depends on.

    Each name and text goes in as a digest of its own, so that no two different inputs give the same bytes.
    """
    return _hash(texts[task], [_piece(name, texts[name]) for name in transitive(task, names)])


def runtime_names(d: DataStore, task: str) -> tuple[str, ...]:
    """See :meth:`Analysis.runtime_names`."""
    return Analysis(d).runtime_names(task)


def _gather(analysis: Analysis, tasks: Iterable[str]) -> tuple[dict[str, frozenset[str]], dict[str, str | None]]:
    """Direct dependencies and hash texts of the tasks and of all that they need."""
    direct: dict[str, frozenset[str]] = {}
    texts: dict[str, str | None] = {}
    waiting = set(tasks)
    while waiting:
        name = waiting.pop()
        found = analysis.dependencies(name)
        direct[name] = found.names
        texts[name] = found.text
        waiting.update(found.names.difference(direct))
    return direct, texts


def _closure(
    start: Iterable[str],
    direct: Mapping[str, Iterable[str]],
    common: frozenset[str] = _NONE,
    behind: Iterable[str] = (),
) -> set[str]:
    """All that is reached from ``start`` in one step or more. ``behind``: ``common`` and all that is reached from it."""
    seen: set[str] = set()
    frontier = set(start)
    while frontier:
        found: set[str] = set().union(*[direct[name] for name in frontier])
        frontier = found - seen
        seen |= frontier
        if common and common <= frontier:
            seen.update(behind)
            frontier -= common
    return seen


@lru_cache(maxsize=1 << 16)
def _piece(name: str, text: str | None) -> bytes:
    """Name and text as a digest; no text is not the same as an empty one."""
    digest = hashlib.sha256(b"%d:" % len(name))
    digest.update(name.encode("utf-8", "surrogateescape"))
    if text is not None:
        digest.update(b"=")
        digest.update(text.encode("utf-8", "surrogateescape"))
    return digest.digest()


def _hash(text: str | None, pieces: list[bytes]) -> str:
    return hashlib.sha256(b"".join([_piece("", text), *pieces])).hexdigest()


def _words(value: Any) -> list[str]:
    return str(value).split() if value else []


def _value(flags: Mapping[str, Any], flag: str) -> Any:
    value = flags.get(flag)
    return flags.get(WEAK_FLAG + flag) if value is None else value
