"""What the server knows of the metadata: plain values that the worker sends, as they were when it read the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hadronbake.diagnostics import Diagnostic, Location

EMPTY: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: lines and columns from 0, in characters; the end is not in it."""

    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def within(cls, line: int, start: int, end: int) -> Span:
        """A part of one line."""
        return cls(line, start, line, end)


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a file."""

    path: str
    span: Span

    @classmethod
    def of(cls, location: Location) -> Place:
        """The beginning of what a location points at."""
        line, column = max(location.line - 1, 0), max(location.column - 1, 0)
        return cls(location.file, Span.within(line, column, column))


@dataclass(frozen=True, slots=True)
class Event:
    """One operation on a variable, as the history has it; ``line`` counts from 1, 0 if it has none."""

    file: str
    line: int
    operation: str
    detail: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A variable. ``value`` is expanded, ``raw`` is not; ``error`` says why it can't be expanded.

    ``function``: empty, "shell" or "python"; then ``place`` is its header. Long texts are cut.
    """

    name: str
    value: str | None
    raw: str | None
    error: str | None = None
    events: tuple[Event, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    function: str = ""
    place: Location | None = None


@dataclass(frozen=True, slots=True)
class LayerView:
    name: str
    directory: str
    priority: int


@dataclass(frozen=True, slots=True)
class RecipeView:
    """A recipe or a variant of one. ``appends`` are the files that change it."""

    name: str
    version: str
    file: str
    layer: str
    variant: str
    summary: str
    provides: tuple[str, ...]
    packages: tuple[str, ...]
    appends: tuple[str, ...]
    tasks: tuple[str, ...]
    skipped: str | None


@dataclass(frozen=True, slots=True)
class FileView:
    """What a file means, seen from ``recipe`` (the path of one that it is part of; empty: the configuration alone).

    ``overrides`` are those in force, the strongest last.
    """

    path: str
    recipe: str
    values: Mapping[str, Value]
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The metadata of a build directory. ``chosen``: name → the recipe that a build would take for it.

    ``diagnostics`` are all findings. ``complete`` is false if the configuration could not be read: then nothing else is known.
    """

    topdir: str
    complete: bool = False
    layers: tuple[LayerView, ...] = ()
    search: tuple[str, ...] = ()
    recipes: tuple[RecipeView, ...] = ()
    chosen: Mapping[str, RecipeView] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()


NOTHING = Snapshot("")
