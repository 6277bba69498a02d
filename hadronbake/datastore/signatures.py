"""What a value depends on, and the hashes of tasks made from that (§16 and §17 of the language reference)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hadronbake.datastore.errors import ParseError
from hadronbake.datastore.references import CodeReferences, ModuleFunction, module_functions, python_references
from hadronbake.datastore.shellcode import shell_references
from hadronbake.datastore.store import DataStore
from hadronbake.datastore.variable import WEAK_FLAG, Variable

Contains = Mapping[str, Iterable[str]]
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dependencies:
    """``text``: the hash text (None for a variable without a value). ``names``: what its value depends on. ``unhashed``: what it
    may read besides: names that are excluded or ignored, and the variables it only asks for words."""

    text: str | None
    names: frozenset[str]
    unhashed: frozenset[str]


class Analysis:
    """The dependencies of the variables of one store, each worked out once. The store must not change meanwhile.

    ``ignored``: names that never count; by default BB_BASEHASH_IGNORE_VARS.
    """

    def __init__(self, d: DataStore, ignored: Iterable[str] | None = None) -> None:
        self._d = d
        self._ignored = frozenset(_words(d.getVar("BB_BASEHASH_IGNORE_VARS")) if ignored is None else ignored)
        self._exclude_flags = frozenset(_words(d.getVar("BB_SIGNATURE_EXCLUDE_FLAGS")))
        self._exported = frozenset(d.exported_names())
        self._shell_store = d
        forced = _words(d.getVar("BB_HASH_CODEPARSER_VALS"))
        if forced:
            self._shell_store = d.createCopy()
            for item in forced:
                name, _, value = item.partition("=")
                self._shell_store.setVar(name, value)
        self._known: dict[str, Dependencies] = {}

    def dependencies(self, name: str) -> Dependencies:
        """Of a variable, a flag (``V[flag]``) or a tracked library function. Raises ExpansionError, and ParseError for
        Python code that cannot be read."""
        found = self._known.get(name)
        if found is None:
            if name in module_functions():
                found = self._of_module(module_functions()[name])
            elif name.endswith("]") and "[" in name:
                found = self._of_flag(name)
            else:
                found = self._of_variable(name)
            self._known[name] = found
        return found

    def transitive(self, name: str) -> tuple[str, ...]:
        """All names that ``name`` depends on, sorted; itself only if something it needs depends on it."""
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            new = self.dependencies(waiting.pop()).names - seen
            seen |= new
            waiting.extend(new)
        return tuple(sorted(seen))

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
                if item in module_functions() or self._d.getVarFlag(item, "func", False):
                    seen.add(item)
                    waiting.append(item)
        return tuple(sorted(found - {task}))

    # -- the kinds -----------------------------------------------------------------------------------------------------

    def _of_module(self, function: ModuleFunction) -> Dependencies:
        excluded = frozenset(_words(self._d.getVarFlag(function.name, "vardepsexclude")))
        code = function.found
        every = code.references | self._functions_in(code.execs)
        text = function.text + self._answers(code.contains, _NONE)
        return Dependencies(text, every - excluded - self._ignored, every | frozenset(code.contains))

    def _of_flag(self, name: str) -> Dependencies:
        variable, _, flag = name[:-1].partition("[")
        if flag == "vardepvalueexclude":
            return Dependencies("", _NONE, _NONE)
        value = self._d.getVarFlag(variable, flag, False)
        if not isinstance(value, str):
            return Dependencies(None if value is None else str(value), _NONE, _NONE)
        met = self._d.expansion(name)
        every = frozenset(met.references) | self._functions_in(met.execs)
        return Dependencies(value, every - self._ignored, every | frozenset(met.contains))

    def _of_variable(self, name: str) -> Dependencies:
        variable = self._d.variables.get(name)
        flags: Mapping[str, Any] = variable.flags if variable is not None else {}
        if not flags:
            text, every, met = self._of_text(name, _NONE)
            return Dependencies(text, every - self._ignored, every | met)
        excluded = frozenset(_words(self._flag(name, flags, "vardepsexclude")))
        content: tuple[str | None, frozenset[str], frozenset[str]]
        if not _value(flags, "func"):
            content = self._of_text(name, excluded)
        elif _value(flags, "python"):
            content = self._of_python(name, flags, excluded)
        else:
            content = self._of_shell(name, excluded)
        text, every, met = content
        if _value(flags, "func"):
            for flag in ("prefuncs", "postfuncs", "exports"):
                every |= frozenset(_words(self._flag(name, flags, flag)))
        hashed = every
        replaced = self._flag(name, flags, "vardepvalue")
        if replaced is not None:
            # The content is not analysed for the hash; what it reads when it runs is still what it reads.
            text, hashed = str(replaced), _NONE
        for part in (self._flag(name, flags, "vardepvalueexclude") or "").split("|"):
            if part and text is not None:
                text = text.replace(part, "")
        more = set(_words(self._flag(name, flags, "vardeps")))
        if self._exclude_flags:
            more.update(f"{name}[{flag}]" for flag in self._visible(flags) if flag not in self._exclude_flags)
        hashed |= more
        return Dependencies(text, hashed - excluded - self._ignored, every | more | met)

    def _of_text(self, name: str, excluded: frozenset[str]) -> tuple[str | None, frozenset[str], frozenset[str]]:
        met = self._d.expansion(name)
        every = frozenset(met.references)
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
            raise ParseError(
                f"Python syntax error in {name}: {error.msg}", str(_value(flags, "filename") or name), line
            ) from error

    def _of_shell(self, name: str, excluded: frozenset[str]) -> tuple[str | None, frozenset[str], frozenset[str]]:
        met = self._shell_store.expansion(name)
        commands = shell_references(met.value) if isinstance(met.value, str) else _NONE
        every = self._exported | frozenset(met.references) | self._functions_in(commands | met.execs)
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

    def _functions_in(self, execs: Iterable[str]) -> frozenset[str]:
        """Those of the called names that are variables or tracked library functions."""
        tracked, variables = module_functions(), self._d.variables
        return frozenset(
            name
            for name in execs
            if name in tracked or (name in variables and not name.startswith("__") and _present(variables[name]))
        )

    def _flag(self, name: str, flags: Mapping[str, Any], flag: str) -> Any:
        """The expanded value of a flag."""
        if flag not in flags and WEAK_FLAG + flag not in flags:
            return None
        return self._d.getVarFlag(name, flag)

    def _visible(self, flags: Mapping[str, Any]) -> set[str]:
        names = (flag.removeprefix(WEAK_FLAG) for flag in flags)
        return {name for name in names if not name.startswith(("_", ":"))}


def value_dependencies(d: DataStore, name: str, ignored: Iterable[str] | None = None) -> Dependencies:
    """Hash text and dependencies of one variable; for many use one :class:`Analysis`."""
    return Analysis(d, ignored).dependencies(name)


def generate_dependencies(
    d: DataStore, tasks: Iterable[str], ignored: Iterable[str] | None = None
) -> tuple[dict[str, tuple[str, ...]], dict[str, str | None]]:
    """For the tasks and all they depend on: the direct dependencies (sorted), and the hash text, by name."""
    analysis = Analysis(d, ignored)
    names: dict[str, tuple[str, ...]] = {}
    texts: dict[str, str | None] = {}
    waiting = list(tasks)
    while waiting:
        name = waiting.pop()
        if name not in names:
            found = analysis.dependencies(name)
            names[name] = tuple(sorted(found.names))
            texts[name] = found.text
            waiting.extend(found.names)
    return names, texts


def transitive(task: str, names: Mapping[str, Iterable[str]]) -> list[str]:
    """All that ``task`` depends on, sorted, from the direct dependencies that :func:`generate_dependencies` gives."""
    seen: set[str] = set()
    waiting = [task]
    while waiting:
        for name in names[waiting.pop()]:
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return sorted(seen)


def basehash(task: str, names: Mapping[str, Iterable[str]], texts: Mapping[str, str | None]) -> str:
    """SHA-256 over the task's hash text and, in sorted order, the name and text of all it depends on. Each piece has its
    length before it, so that no two different inputs give the same bytes."""
    digest = hashlib.sha256()
    _add(digest, texts[task])
    for name in transitive(task, names):
        _add(digest, name)
        _add(digest, texts[name])
    return digest.hexdigest()


def runtime_names(d: DataStore, task: str) -> tuple[str, ...]:
    """See :meth:`Analysis.runtime_names`."""
    return Analysis(d).runtime_names(task)


def _add(digest: Any, text: str | None) -> None:
    if text is None:
        digest.update(b"-")
        return
    data = text.encode("utf-8", "surrogateescape")
    digest.update(b"%d:" % len(data))
    digest.update(data)


def _words(value: Any) -> list[str]:
    return str(value).split() if value else []


def _value(flags: Mapping[str, Any], flag: str) -> Any:
    value = flags.get(flag)
    return flags.get(WEAK_FLAG + flag) if value is None else value


def _present(variable: Variable) -> bool:
    return variable.exists or bool(variable.variants)
