"""The statements of recipe and configuration files, as read: nothing expanded, nothing evaluated.

They are immutable and shared by every recipe that includes the file they came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hadronbake.diagnostics import Diagnostic, Location

Operator = Literal["=", ":=", "?=", "??=", "+=", "=+", ".=", "=."]
FileKind = Literal["recipe", "conf"]


@dataclass(frozen=True, slots=True)
class Statement:
    """``location`` is where the statement begins; ``lines`` how many physical lines it takes."""

    location: Location
    lines: int


@dataclass(frozen=True, slots=True)
class Assignment(Statement):
    name: str
    flag: str | None
    operator: Operator
    value: str
    export: bool = False


@dataclass(frozen=True, slots=True)
class Export(Statement):
    name: str


@dataclass(frozen=True, slots=True)
class Unset(Statement):
    name: str
    flag: str | None


@dataclass(frozen=True, slots=True)
class Include(Statement):
    """``paths`` is the text after the keyword, unexpanded."""

    keyword: Literal["include", "require", "include_all"]
    paths: str


@dataclass(frozen=True, slots=True)
class Inherit(Statement):
    classes: str
    deferred: bool


@dataclass(frozen=True, slots=True)
class Function(Statement):
    """``name`` is None for anonymous Python. ``body`` keeps its lines verbatim, with the final newline."""

    name: str | None
    body: str
    python: bool
    fakeroot: bool


@dataclass(frozen=True, slots=True)
class PythonDefinition(Statement):
    """A ``def`` block; ``text`` begins with its header line."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ExportFunctions(Statement):
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddTask(Statement):
    """All names have the prefix ``do_``."""

    tasks: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DelTask(Statement):
    tasks: str


@dataclass(frozen=True, slots=True)
class AddHandler(Statement):
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddPylib(Statement):
    directory: str
    namespace: str


@dataclass(frozen=True, slots=True)
class AddFragments(Statement):
    prefix: str
    variable: str
    metadata_variables: str
    builtin: str


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """The result of reading one file. With any error in ``diagnostics`` the statements must not be evaluated."""

    path: str
    kind: FileKind
    statements: tuple[Statement, ...]
    diagnostics: tuple[Diagnostic, ...]
