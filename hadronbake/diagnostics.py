"""What went wrong, where, and what to do: the one form of every message about somebody's input.

Every room raises :class:`HadronbakeError` (or a subclass that fixes ``code``), never a bare exception, for what a user
can mend. Rendering follows the style of rustc: code and message, place, excerpt with caret, expectation, hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# What a message quotes comes from files of any content, and must not disturb a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file. ``line`` and ``column`` count from 1; column 0 means the whole line, line 0 the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        text = self.file
        if self.line:
            text += f":{self.line}"
            if self.column:
                text += f":{self.column}"
        return text


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``code`` is stable and documented (HB followed by a letter for the room and three digits).

    ``excerpt`` is the source line that ``location`` points at, without its newline; ``length`` is how many columns the
    caret underlines. ``notes`` are further places, e.g. where an unclosed block began.
    """

    code: str
    message: str
    location: Location | None = None
    severity: Severity = Severity.ERROR
    excerpt: str | None = None
    length: int = 1
    expected: tuple[str, ...] = ()
    hint: str | None = None
    notes: tuple[tuple[Location | None, str], ...] = ()

    def __str__(self) -> str:
        return render(self)


def render(diagnostic: Diagnostic) -> str:
    """The text of a diagnostic, several lines, without a final newline, colour or any other control character."""
    lines = [f"{diagnostic.severity.value}[{diagnostic.code}]: {diagnostic.message}"]
    margin = " "
    if diagnostic.location is not None:
        number = str(diagnostic.location.line) if diagnostic.location.line else ""
        margin = " " * max(len(number), 1)
        lines.append(f"{margin}--> {diagnostic.location}")
        if diagnostic.excerpt is not None and number:
            shown = diagnostic.excerpt.replace("\t", " ")
            column = diagnostic.location.column
            # A line of thousands of columns is cut to a window round the caret.
            if len(shown) > 160:
                start = max(0, column - 80)
                shown = ("…" if start else "") + shown[start : start + 150] + "…"
                column = column - start + (1 if start else 0)
            lines.append(f"{margin} |")
            lines.append(f"{number} | {shown}")
            if column:
                width = max(1, min(diagnostic.length, len(shown) - column + 1))
                lines.append(f"{margin} | {' ' * (column - 1)}{'^' * width}")
    if diagnostic.expected:
        lines.append(f"{margin} = expected: {', '.join(diagnostic.expected)}")
    for place, note in diagnostic.notes:
        where = f" ({place})" if place is not None else ""
        lines.append(f"{margin} = note: {note}{where}")
    if diagnostic.hint:
        lines.append(f"{margin} = hint: {diagnostic.hint}")
    return _CONTROL.sub("\ufffd", "\n".join(lines))


class HadronbakeError(Exception):
    """Raised with one or more diagnostics; ``str()`` is their rendering."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.diagnostics = tuple(diagnostics)

    @classmethod
    def of(
        cls, code: str, message: str, location: Location | None = None, *, hint: str | None = None
    ) -> HadronbakeError:
        return cls(Diagnostic(code, message, location, hint=hint))

    def __str__(self) -> str:
        return "\n\n".join(render(item) for item in self.diagnostics)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is most likely a typing error of, or None."""
    import difflib

    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75)
    return matches[0] if matches else None


def engine_failure(error: BaseException, doing: str, directory: Path | None = None) -> Diagnostic:
    """An error of the engine itself, whose traceback is kept in a file: nothing in the metadata has to be mended for it."""
    import hashlib
    import tempfile
    import traceback

    from hadronbake import __version__

    text = f"hadronbake {__version__}, {doing}\n\n{''.join(traceback.format_exception(error))}"
    name = f"hadronbake-error-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:12]}.txt"
    kept = None
    for place in (directory / "logs" if directory is not None else None, Path(tempfile.gettempdir())):
        if place is None:
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, errors="replace")
        except OSError:
            continue
        kept = place / name
        break
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Diagnostic(
        "HBM063",
        f"an error in hadronbake itself, not in your metadata, while {doing}: {said}",
        notes=((Location(str(kept)), "the traceback is kept"),) if kept is not None else (),
        hint="please report it" + (" with that file" if kept is not None else "") + " and what you did",
    )
