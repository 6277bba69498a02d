"""The layout of a file anew, its statements the same: what ``hbake fmt`` writes (docs/tools.md says what it changes).

What stands between quotes, in a function's body or in a ``def`` block is text that values and task hashes are made of; none of
it is touched. Trailing blanks go everywhere, here-documents too: the language itself never sees them (language.md §1).
"""

from __future__ import annotations

from dataclasses import replace

from hadronbake.authoring.layout import Layout, Piece, lay_out
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, Severity
from hadronbake.language.parser import parse_text
from hadronbake.language.statements import (
    AddFragments,
    AddHandler,
    AddTask,
    Assignment,
    Export,
    ExportFunctions,
    FileKind,
    Function,
    PythonDefinition,
    Statement,
    Unset,
)

_MOST_BLANK = 2
_KEYWORDS = frozenset(
    {"addtask", "deltask", "addhandler", "inherit", "inherit_defer", "EXPORT_FUNCTIONS", "export", "unset"}
)
_NOWHERE = Location("")
# Their fields are words, so the blanks between the words don't matter.
_WORDS = (AddTask, AddHandler, ExportFunctions, Export, Unset, AddFragments)


def format_text(text: str, path: str, kind: FileKind) -> str:
    """The text laid out anew. Raises HadronbakeError with the syntax errors of the file, or HBC131 if its statements would
    not stay what they are, which is a fault of the formatter."""
    layout = lay_out(text, path, kind)
    errors = [item for item in layout.parsed.diagnostics if item.severity is Severity.ERROR]
    if errors:
        raise HadronbakeError(*errors)
    result = _written(layout)
    check_same(layout.parsed.statements, result, path, kind)
    return result


def check_same(statements: tuple[Statement, ...], result: str, path: str, kind: FileKind) -> None:
    """Raises HBC131 unless the text has exactly these statements, wherever they stand."""
    after = parse_text(result, path, kind).statements
    for one, other in zip(statements, after, strict=False):
        if without_place(one) != without_place(other):
            where = one.location
            break
    else:
        if len(statements) == len(after):
            return
        where = Location(path)
    raise HadronbakeError(
        Diagnostic(
            "HBC131",
            "formatting would change what this says; the file was left as it is",
            where,
            hint="this is a fault of hbake fmt, not of the file: please report it with the file",
        )
    )


def without_place(statement: Statement) -> Statement:
    """The statement as it would be anywhere else: for comparing."""
    return replace(statement, location=_NOWHERE, lines=0)


def _written(layout: Layout) -> str:
    lines: list[str] = []
    blank = 0
    for piece in layout.pieces:
        if piece.kind == "blank":
            blank += 1
            continue
        lines += [""] * (min(blank, _MOST_BLANK) if lines else 0)
        blank = 0
        lines += _formatted(piece)
    return "".join(f"{line}\n" for line in lines)


def _formatted(piece: Piece) -> list[str]:
    statement = piece.statement
    match statement:
        case Assignment():
            return _assignment(statement, piece.lines)
        case Function():
            return [_header(statement), *piece.lines[len(piece.lines) - statement.body.count("\n") - 1 :]]
        case PythonDefinition() | None:
            return list(piece.lines)
    if len(piece.lines) > 1:
        return list(piece.lines)
    line = piece.lines[0]
    if isinstance(statement, _WORDS) and "#" not in line:
        return [" ".join(line.split())]
    keyword, rest = line.split(maxsplit=1)
    return [f"{keyword} {rest}"]


def _header(function: Function) -> str:
    words = "fakeroot " * function.fakeroot + "python " * function.python
    return f"{words}{function.name}() {{" if function.name is not None else f"{words.rstrip()}() {{"


def _assignment(statement: Assignment, lines: tuple[str, ...]) -> list[str]:
    """``[export ]NAME[flag] OP "`` on one line, then the value with the lines it had."""
    if not lines[-1] or statement.name in _KEYWORDS:
        # The closing quote is on a line before, which ends with a backslash; or a blank would make a directive of the name.
        return list(lines)
    joined = "".join(line[:-1] for line in lines[:-1]) + lines[-1]
    start = len(joined) - len(statement.value) - 2
    if start < 0 or joined[start] not in "\"'" or joined[start] != joined[-1]:
        return list(lines)
    value = list(lines)
    while start >= len(value[0]) - (len(value) > 1):
        start -= len(value.pop(0)) - 1
    quote = value[0][start]
    if quote == "'" and '"' not in statement.value:
        quote = '"'
    flag = f"[{statement.flag}]" if statement.flag is not None else ""
    exported = "export " if statement.export else ""
    value[0] = f"{exported}{statement.name}{flag} {statement.operator} {quote}{value[0][start + 1 :]}"
    value[-1] = value[-1][:-1] + quote
    return value
