"""Statements back to text: the plainest text that the language reference says means them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hadronbake.diagnostics import Location
from hadronbake.language import statements as st

NOWHERE = Location("")
KEYWORDS = (
    "addtask",
    "deltask",
    "addhandler",
    "inherit",
    "inherit_defer",
    "EXPORT_FUNCTIONS",
    "export",
    "unset",
    "include",
    "require",
)


def written(statement: st.Statement) -> str:
    """The statement in the form of language.md §2, with its final newline."""
    text = _form(statement)
    # What lists words may end in a bracket, and would begin a function then.
    lists = isinstance(statement, st.ExportFunctions | st.AddTask | st.DelTask | st.AddHandler)
    return f"{text[:-1]} \n" if lists and text.endswith("{\n") else text


def _form(statement: st.Statement) -> str:
    match statement:
        case st.Assignment():
            export = "export " if statement.export else ""
            flag = f"[{statement.flag}]" if statement.flag is not None else ""
            # The quote must not be inside exactly once.
            quote = "'" if statement.value.count('"') == 1 else '"'
            # A keyword is a name only where nothing comes between it and the operator.
            blank = "" if statement.name in KEYWORDS else " "
            return f"{export}{statement.name}{flag}{blank}{statement.operator} {quote}{statement.value}{quote}\n"
        case st.Export():
            return f"export {statement.name}\n"
        case st.Unset():
            flag = f"[{statement.flag}]" if statement.flag is not None else ""
            return f"unset {statement.name}{flag}\n"
        case st.Include():
            return f"{statement.keyword} {statement.paths}\n"
        case st.Inherit():
            return f"inherit{'_defer' if statement.deferred else ''} {statement.classes}\n"
        case st.Function():
            words = ("python " if statement.python else "") + ("fakeroot " if statement.fakeroot else "")
            return f"{words}{statement.name or ''}() {{\n{statement.body}}}\n"
        case st.PythonDefinition():
            return statement.text + "\n"
        case st.ExportFunctions():
            return f"EXPORT_FUNCTIONS {' '.join(statement.names)}\n"
        case st.AddTask():
            before = f" before {' '.join(statement.before)}" if statement.before else ""
            after = f" after {' '.join(statement.after)}" if statement.after else ""
            return f"addtask {' '.join(statement.tasks)}{before}{after}\n"
        case st.DelTask():
            return f"deltask {statement.tasks}\n"
        case st.AddHandler():
            return f"addhandler {' '.join(statement.names)}\n"
        case st.AddPylib():
            return f"addpylib {statement.directory} {statement.namespace}\n"
        case st.AddFragments():
            names = (statement.prefix, statement.variable, statement.metadata_variables, statement.builtin)
            return f"addfragments {' '.join(names)}\n"
    raise AssertionError(statement)


def printed(statements: Iterable[st.Statement]) -> str:
    return "".join(map(_joined, map(written, statements)))


def _joined(text: str) -> str:
    """A logical line that ends with a blank or a backslash can only be had by joining nothing to it."""
    line, _, rest = text.partition("\n")
    return f"{line}\\\n\n{rest}" if line.endswith("\\") or line.rstrip() != line else text


def placeless(statements: Iterable[st.Statement]) -> list[st.Statement]:
    """The statements without their places. Empty lines at the end of a ``def`` block belong to it or don't: they are dropped."""
    return [
        replace(item, location=NOWHERE, lines=0, **({"text": item.text.rstrip("\n")} if hasattr(item, "text") else {}))
        for item in statements
    ]
