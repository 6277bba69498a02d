"""``bb.codeparser`` and the functions of ``bb.data`` that analyse values: the engine's own analysis under BitBake's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hadronbake.datastore import emit, signatures
from hadronbake.datastore.references import python_references
from hadronbake.datastore.shellcode import shell_references


class PythonParser:
    """After ``parse_python(code)``: ``references``, ``execs`` and ``contains`` of it."""

    def __init__(self, name: str, log: Any) -> None:
        self.name = name
        self.references: set[str] = set()
        self.execs: set[str] = set()
        self.contains: dict[str, set[str]] = {}

    def parse_python(self, node: str | None, lineno: int = 0, filename: str = "<string>", **_: Any) -> None:
        found = python_references(node or "")
        self.references = set(found.references)
        self.execs = set(found.execs)
        self.contains = {name: set(words) for name, words in found.contains.items()}


class ShellParser:
    """``parse_shell(code)`` gives, and keeps in ``execs``, the called commands."""

    def __init__(self, name: str, log: Any) -> None:
        self.name = name
        self.execs: set[str] = set()

    def parse_shell(self, value: str) -> set[str]:
        self.execs = set(shell_references(value))
        return self.execs


def build_dependencies(
    key: str,
    keys: Any,
    mod_funcs: Any,
    shelldeps: Any,
    varflagsexcl: Any,
    ignored_vars: Iterable[str],
    d: Any,
    codeparsedata: Any,
) -> tuple[frozenset[str], str | None]:
    """Dependencies and hash text of one variable; what the other arguments say is read from ``d``."""
    found = signatures.value_dependencies(d, key, ignored_vars)
    return found.names, found.text


def generate_dependencies(
    d: Any, ignored_vars: Iterable[str]
) -> tuple[list[str], dict[str, frozenset[str]], dict[str, str | None]]:
    """Of all tasks: their names, direct dependencies by name, hash texts by name."""
    tasks = list(d.getVar("__BBTASKS", False) or ())
    names, texts = signatures.generate_dependencies(d, tasks, ignored_vars)
    return tasks, {name: frozenset(found) for name, found in names.items()}, texts


def generate_dependency_hash(
    tasklist: Iterable[str],
    gendeps: Mapping[str, Iterable[str]],
    lookupcache: Mapping[str, str | None],
    ignored_vars: Any,
    fn: str,
) -> tuple[dict[str, frozenset[str]], dict[str, str]]:
    """By task all that it depends on; by ``FN:TASK`` its base hash."""
    closures = {task: frozenset(signatures.transitive(task, gendeps)) for task in tasklist}
    return closures, {f"{fn}:{task}": signatures.basehash(task, gendeps, lookupcache) for task in closures}


def exported_keys(d: Any) -> Iterator[str]:
    return iter(d.exported_names())


def exported_vars(d: Any) -> Iterator[tuple[str, str]]:
    """Names and values of the exported variables that have one."""
    for name in d.exported_names():
        value = d.getVar(name)
        if value is not None:
            yield name, str(value)


def emit_func_python(func: str, o: Any, d: Any) -> None:
    o.write(emit.python_script(func, d)[0])
