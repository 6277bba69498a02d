"""Variables and functions as shell text, and the scripts that tasks run as.

A line ``# line: N, file: F`` before a shell function, and ``#line N F`` before Python code, say where in the metadata the next
line stands.
"""

from __future__ import annotations

import re
from typing import Any, TextIO

from hadronbake.datastore.references import python_references
from hadronbake.datastore.shellcode import shell_references
from hadronbake.datastore.store import DataStore, flag_is_true

_NOT_SHELL = re.compile(r"[-.{}+]")
_TO_ESCAPE = re.compile(r'["`$]')
_EXPORTED_FUNCTION = re.compile(r"BASH_FUNC_(.+)(?:%%|\(\))\Z")


def shell_value(text: str) -> str:
    """``text`` for use between double quotes."""
    return _TO_ESCAPE.sub(r"\\\g<0>", text).replace("\n", " \\\n")


def emit_variable(var: str, d: DataStore, all: bool = False) -> str:
    """One variable or shell function as shell text; "" if there is nothing to say (§15).

    With ``all`` plain variables too, each with its history before it. What cannot be expanded becomes a comment that says so.
    """
    try:
        return _shell_text(var, d, all)
    except Exception as error:
        first_line = str(error).split("\n", 1)[0]
        return f"# expansion of {var} failed: {type(error).__name__}: {first_line}\n"


def _shell_text(var: str, d: DataStore, all: bool = False) -> str:
    function = d.getVarFlag(var, "func", False)
    if function and d.getVarFlag(var, "python", False):
        return ""
    export = flag_is_true(d.getVarFlag(var, "export"))
    unexport = flag_is_true(d.getVarFlag(var, "unexport"))
    if not (all or export or unexport or function):
        return ""
    value = d.getVar(var)
    before = ""
    if all:
        before = _history(var, d.getVar(var, False), value, d)
    elif _NOT_SHELL.search(var):
        return ""
    name = d.expand(var)
    if unexport:
        return f"{before}unset {name}\n"
    if value is None:
        return before
    text = str(value)
    exported = _EXPORTED_FUNCTION.match(name)
    if exported:
        body = text.removeprefix("() ")
        return f"{before}{exported[1]}() {body}\nexport -f {exported[1]}\n"
    if function:
        place = f"# line: {d.getVarFlag(var, 'lineno', False)}, file: {d.getVarFlag(var, 'filename', False)}\n"
        body = text.rstrip("\n")
        return f"{before}{place}{name}() {{\n{body if _has_command(body) else body + chr(10) + ':'}\n}}\n"
    return f'{before}{"export " if export else ""}{name}="{shell_value(text)}"\n'


def emit_variable_to(var: str, o: TextIO, d: DataStore, all: bool = False) -> bool:
    """Write :func:`emit_variable`; whether it was a function."""
    text = emit_variable(var, d, all)
    o.write(text)
    return bool(text and d.getVarFlag(var, "func", False))


def emit_environment_to(o: TextIO, d: DataStore, all: bool = False) -> None:
    """Write all variables, then all functions, each in sorted order."""
    names = sorted(name for name in d if not name.startswith("__"))
    functions = [name for name in names if d.getVarFlag(name, "func", False)]
    known = set(functions)
    for name in names:
        if name not in known:
            emit_variable_to(name, o, d, all)
    for name in functions:
        if emit_variable_to(name, o, d):
            o.write("\n")


def emit_function_to(func: str, o: TextIO, d: DataStore) -> None:
    """Write the environment of a shell function, and it with all shell functions it calls."""
    o.write("".join(emit_variable(name, d) for name in _environment(d)))
    o.write("\n")
    for name in shell_functions(func, d):
        o.write(emit_variable(name, d) + "\n")


def shell_functions(func: str, d: DataStore) -> list[str]:
    """``func`` and the shell functions that it calls, directly or not, or names in ``vardeps``; ``func`` first."""
    found = [func]
    for name in found:
        body = d.getVar(name)
        called = set(shell_references(body)) if isinstance(body, str) else set()
        called.update((d.getVarFlag(name, "vardeps") or "").split())
        found.extend(
            item
            for item in sorted(called.difference(found))
            if d.getVarFlag(item, "func", False) and not d.getVarFlag(item, "python", False)
        )
    return found


def shell_script(function_name: str, d: DataStore) -> str:
    """A whole script for ``/bin/sh`` that runs a shell function: environment, functions, call. Raises ExpansionError."""
    # What cannot be expanded must fail here, not when the task runs.
    parts = ["#!/bin/sh\nset -e\n\n", *(_shell_text(name, d) for name in _environment(d)), "\n"]
    parts.extend(_shell_text(name, d) + "\n" for name in shell_functions(function_name, d))
    parts.append(f"{function_name}\n")
    return "".join(parts)


def python_functions(func: str, d: DataStore) -> list[str]:
    """The ``def`` functions of the metadata that the Python function ``func`` uses, directly or not; callees after callers."""
    found = [func]
    for name in found:
        body = d.getVar(name, False)
        called = set(python_references(body).execs) if isinstance(body, str) else set()
        called.update((d.getVarFlag(name, "vardeps") or "").split())
        for item in sorted(called.difference(found)):
            if (
                d.getVarFlag(item, "func", False)
                and d.getVarFlag(item, "python", False)
                and _is_definition(d.getVar(item, False))
            ):
                found.append(item)
    return found[1:]


def python_script(function_name: str, d: DataStore) -> tuple[str, tuple[str, ...]]:
    """The Python text that runs a function: the ``def`` functions it uses, then itself as a function of ``d``, then the call;
    and the names of those functions. ``d``, ``bb`` and the other names of the context are expected to be there."""
    names = python_functions(function_name, d)
    parts = [_placed(name, d, d.getVar(name, False), 0) for name in reversed(names)]
    body = d.getVar(function_name, False) or ""
    if _is_definition(body):
        parts.append(_placed(function_name, d, body, 0))
    else:
        if not any(line.strip() and not line.lstrip().startswith("#") for line in body.splitlines()):
            body = "    pass\n"
        parts.append(f"def {function_name}(d):\n" + _placed(function_name, d, body, 1))
    return "\n".join(parts) + f"\n{function_name}(d)\n", tuple(names)


def _placed(name: str, d: DataStore, text: str, below: int) -> str:
    """``text`` after a line that says where its first line stands: ``below`` lines under the function's header."""
    filename, lineno = d.getVarFlag(name, "filename", False), d.getVarFlag(name, "lineno", False)
    mark = f"#line {int(lineno) + below} {filename}\n" if filename and str(lineno).isdigit() else ""
    return mark + text.rstrip("\n") + "\n"


def _is_definition(text: Any) -> bool:
    return isinstance(text, str) and text.startswith("def ")


def _environment(d: DataStore) -> list[str]:
    """The variables that are exported or taken out of the environment, sorted."""
    return [
        name for name in sorted(d.export_flagged) if not name.startswith("__") and not d.getVarFlag(name, "func", False)
    ]


def _history(var: str, raw: Any, value: Any, d: DataStore) -> str:
    import io

    out = io.StringIO()
    d.varhistory.emit(var, raw, value, out, d)
    return out.getvalue()


def _has_command(body: str) -> bool:
    """Whether a function body is more than comments; the shell wants a command in it."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in body.split("\n"))
