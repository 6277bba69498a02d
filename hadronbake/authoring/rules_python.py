"""Rules about Python code: functions, ``def`` blocks and inline expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from hadronbake.authoring.rule import FileRule, Problem
from hadronbake.authoring.source import Source
from hadronbake.datastore.expressions import python_expressions
from hadronbake.diagnostics import Location
from hadronbake.language.statements import Assignment, Function, PythonDefinition

_READS = frozenset({"getVar", "getVarFlag"})
_GONE = frozenset(
    {"getVar", "setVar", "getVarFlag", "setVarFlag", "getVarFlags", "delVar", "expand", "expandData", "update_data"}
)


@dataclass(frozen=True, slots=True)
class _Code:
    """A tree and where it stands: ``shift`` is added to its line numbers; in an expression all is at ``place``."""

    tree: ast.AST
    shift: int = 0
    columns: int = 0
    place: Location | None = None
    inline: bool = False


def _codes(source: Source) -> Iterator[_Code]:
    for statement in source.layout.parsed.statements:
        if isinstance(statement, Function) and statement.python:
            start, lines = source.body(statement)
            # A body is indented: it needs a header to be a program.
            tree = _parsed("if True:\n" + "\n".join(lines or ["  pass"]))
            if tree is not None:
                yield _Code(tree, start - 2)
        elif isinstance(statement, PythonDefinition):
            tree = _parsed(statement.text)
            if tree is not None:
                yield _Code(tree, statement.location.line - 1)
        elif isinstance(statement, Assignment):
            yield from _expressions(source, statement, statement.value)
        elif isinstance(statement, Function):
            yield from _expressions(source, statement, statement.body)


def _expressions(source: Source, statement: Assignment | Function, text: str) -> Iterator[_Code]:
    for start, end in python_expressions(text):
        tree = _parsed(text[start:end].strip(), "eval")
        if tree is not None:
            yield _Code(tree, place=source.find(statement, text[start - 3 : end + 1]), inline=True)


def _parsed(text: str, mode: str = "exec") -> ast.AST | None:
    """None for what can't be parsed: the engine says that itself."""
    try:
        return ast.parse(text, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _nodes(source: Source) -> Iterator[tuple[ast.AST, Location, bool]]:
    for code in _codes(source):
        for node in ast.walk(code.tree):
            line = getattr(node, "lineno", None)
            if line is None:
                continue
            place = code.place or source.at(line + code.shift, getattr(node, "col_offset", 0) + 1)
            yield node, place, code.inline


def _calls(source: Source) -> Iterator[tuple[ast.Call, str, Location, bool]]:
    for node, place, inline in _nodes(source):
        if isinstance(node, ast.Call):
            yield node, _name(node.func), place, inline


def _name(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id if isinstance(node, ast.Name) else "", *reversed(parts)])


def _true_argument(source: Source) -> Iterator[Problem]:
    for call, name, place, _ in _calls(source):
        method = name.rpartition(".")[2]
        if method not in _READS or "." not in name:
            continue
        index = 1 if method == "getVar" else 2
        given = call.args[index] if len(call.args) > index else None
        if isinstance(given, ast.Constant) and given.value in (True, 1) and len(call.args) == index + 1:
            yield Problem(f"{method}(…, {given.value}): expanding is the default", place, 1, f"take {given.value} away")


def _old_interface(source: Source) -> Iterator[Problem]:
    for _, name, place, _ in _calls(source):
        front, _, method = name.rpartition(".")
        if front == "bb.data" and method in _GONE:
            new = f"d.{method}(…)" if method not in ("expandData", "update_data") else None
            yield Problem(
                f"{name} is gone", place, len(name), f"write {new}" if new else "it does nothing; take it away"
            )


def _unchecked_command(source: Source) -> Iterator[Problem]:
    for _, name, place, _ in _calls(source):
        if name in ("os.system", "os.popen", "commands.getoutput", "commands.getstatusoutput", "subprocess.getoutput"):
            yield Problem(
                f"{name} does not say when the command fails",
                place,
                len(name),
                "use subprocess.run(…, check=True) with a list",
            )


def _bare_except(source: Source) -> Iterator[Problem]:
    for node, place, _ in _nodes(source):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield Problem("'except:' takes everything", place, 6, "name the exception; 'except Exception:' at least")


def _print(source: Source) -> Iterator[Problem]:
    for call, name, place, inline in _calls(source):
        if name == "print" and not inline and not any(item.arg == "file" for item in call.keywords):
            yield Problem("print in metadata", place, 5, "use bb.note, bb.plain, bb.warn or bb.fatal")


def _set_while_reading(source: Source) -> Iterator[Problem]:
    for _, name, place, inline in _calls(source):
        method = name.rpartition(".")[2]
        if inline and method in ("setVar", "setVarFlag", "delVar", "appendVar", "prependVar") and name.startswith("d."):
            yield Problem(f"d.{method} in an expression", place, 1, "set it in an anonymous function: python() { … }")


RULES = (
    FileRule(
        "HBW501",
        "getVar(…, True)",
        "Expanding has been the default for years; the argument only hides the calls that say False.",
        _true_argument,
    ),
    FileRule(
        "HBW502",
        "bb.data.getVar and its like",
        "These functions were removed: the code fails as soon as it is run.",
        _old_interface,
        error=True,
    ),
    FileRule(
        "HBW503",
        "a command whose failure isn't seen",
        "os.system and os.popen go on when the command fails, and the task succeeds without its result.",
        _unchecked_command,
    ),
    FileRule(
        "HBW504",
        "except without an exception",
        "It also takes SkipRecipe, bb.fatal's exception and Ctrl-C, which must get through.",
        _bare_except,
    ),
    FileRule(
        "HBW505",
        "print in metadata",
        "While recipes are parsed it goes to the terminal, into JSON too; bb.note and its like go into the log.",
        _print,
    ),
    FileRule(
        "HBW506",
        "an expression that sets a variable",
        "When and how often ${@…} is evaluated is not defined: values are kept, and hashes evaluate them too.",
        _set_while_reading,
        error=True,
    ),
)
