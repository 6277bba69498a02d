"""Where embedded Python runs: one process-wide namespace, in which a ``def`` of one recipe is seen by the next.

Whoever offers ``bb`` (and what ``addpylib`` imports) puts it into :data:`python_context`.
"""

from __future__ import annotations

import ast
import builtins
import os
import time
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from hadronbake.datastore.references import bounded

if TYPE_CHECKING:
    from hadronbake.datastore.reading import Reading

python_context: dict[str, Any] = {"os": os, "time": time}

# Names that are never looked up as variables: a variable called "len" must not shadow the function.
_NOT_VARIABLES = frozenset(name for name in dir(builtins) if not name.startswith("_")) | {"oe"}

_defined: dict[str, tuple[str, str, int]] = {}
_changes = 0


def definition_changes() -> int:
    """Grows whenever a function in the context is replaced by another one: what was computed with it may be stale."""
    return _changes


def exec_definition(code: str, name: str, filename: str, lineno: int) -> None:
    """Run the ``def`` block ``code``, whose first line is line ``lineno`` of ``filename``, as module-level code.

    Raises SyntaxError with the place in the file. A block that defined ``name`` already is not run again.
    """
    global _changes
    key = (code, filename, lineno)
    if name in python_context and _defined.get(name) == key:
        return
    compiled = _compile_module(code, filename, lineno)
    if name in python_context:
        _changes += 1
    exec(compiled, python_context)
    _defined[name] = key


def compile_function(name: str, body: str, filename: str, lineno: int) -> Callable[[Any], Any]:
    """A function of one argument ``d`` with the given body, whose first line is line ``lineno`` of ``filename``."""
    namespace: dict[str, Any] = {}
    # The globals must be the shared context, so that the function sees what is defined later on.
    exec(_compile_body(body, filename, lineno), python_context, namespace)
    function: Callable[[Any], Any] = namespace["_body"]
    function.__name__ = function.__qualname__ = name
    return function


def run_body(name: str, body: str, filename: str, lineno: int, d: Any) -> Any:
    """Run the body of a Python function (a task, an anonymous function) with ``d``. Exceptions pass as they are."""
    return compile_function(name, body, filename, lineno)(d)


def better_eval(expression: str | CodeType, d: Any, names: dict[str, Any] | None = None) -> Any:
    """The value of a Python expression that sees ``d``, ``names``, the context, builtins, and variables by bare name."""
    scope = Names(d)
    if names:
        scope.update(names)
    return eval(expression, scope, scope)


class Names(dict[str, Any]):
    """The global and the local namespace of inline Python for one store."""

    __slots__ = ("_store",)

    def __init__(self, d: Reading) -> None:
        super().__init__(d=d)
        self._store = d

    def __missing__(self, key: str) -> Any:
        if key in python_context:
            return python_context[key]
        if key not in _NOT_VARIABLES and not key.startswith("__"):
            value = self._store.getVar(key)
            if value is not None:
                return value
        raise KeyError(key)


@lru_cache(maxsize=1 << 14)
def compile_expression(code: str, filename: str) -> CodeType:
    """Compiled inline Python; raises SyntaxError."""
    with bounded():
        return compile(code.strip(), filename, "eval")


@lru_cache(maxsize=4096)
def _compile_module(code: str, filename: str, lineno: int) -> CodeType:
    with bounded():
        return _numbered(code, filename, lineno - 1)


@lru_cache(maxsize=4096)
def _compile_body(body: str, filename: str, lineno: int) -> CodeType:
    lines = body.splitlines()
    if all(not line.strip() or line.lstrip().startswith("#") for line in lines):
        body = " pass\n"
    # The header takes a line of its own, above the body's first.
    with bounded():
        return _numbered("def _body(d):\n" + body, filename, lineno - 2)


def _numbered(code: str, filename: str, before: int) -> CodeType:
    """Compiled so that its lines have the numbers that they have in the file: ``before`` lines are before it there (-1: one too many
    is in the code)."""
    if before >= 0:
        return compile("\n" * before + code, filename, "exec")
    try:
        tree = ast.parse(code, filename)
    except SyntaxError as error:
        if error.lineno is not None:
            error.lineno += before
        if error.end_lineno is not None:
            error.end_lineno += before
        raise
    return compile(ast.increment_lineno(tree, before), filename, "exec")


def check_body(body: str, filename: str, lineno: int) -> None:
    """Compile the body of a Python function, as :func:`run_body` would, and no more. Raises SyntaxError with the place in the file."""
    _compile_body(body, filename, lineno)


def check_definition(code: str, filename: str, lineno: int) -> None:
    """Compile a ``def`` block, as :func:`exec_definition` would, and no more. Raises SyntaxError."""
    _compile_module(code, filename, lineno)
