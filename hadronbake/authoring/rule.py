"""What a lint rule is, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hadronbake.diagnostics import Location

if TYPE_CHECKING:
    from hadronbake.authoring.source import Source
    from hadronbake.authoring.surveyed import SurveyedLayers, SurveyedRecipe


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a rule has found; ``length`` in columns. It says what is wrong at this place; why, the rule's reason does."""

    message: str
    location: Location
    length: int = 1
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Described:
    """``code`` is stable. ``title`` says what is found, ``reason`` why that is bad; docs/lint.md has both, with an example."""

    code: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileRule(_Described):
    """Looks at the text of one file. ``error``: what it finds is surely a mistake, so that ``hbake lint`` fails."""

    check: Callable[[Source], Iterator[Problem]]
    error: bool = False


@dataclass(frozen=True, slots=True)
class RecipeRule(_Described):
    """Looks at a recipe with all that it is made of, evaluated."""

    check: Callable[[SurveyedRecipe], Iterator[Problem]]
    error: bool = False


@dataclass(frozen=True, slots=True)
class LayerRule(_Described):
    """Looks at all layers of a build directory."""

    check: Callable[[SurveyedLayers], Iterator[Problem]]
    error: bool = False


Rule = FileRule | RecipeRule | LayerRule
