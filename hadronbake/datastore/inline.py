"""Where the inline Python that failed stands in its file: an expansion only knows the text, which several lines made."""

# ruff: noqa: PTH123
from __future__ import annotations

import re
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from hadronbake.datastore.embedded.frames import Step, steps_of, unset_hint
from hadronbake.datastore.errors import ExpansionError
from hadronbake.diagnostics import Diagnostic, Location, closest
from hadronbake.language.lines import LogicalLine, printable, split_lines

if TYPE_CHECKING:
    from hadronbake.datastore.variable import Variable

METADATA = (".bb", ".bbappend", ".inc", ".bbclass", ".conf")
"""How the names of the metadata's files end."""

_INLINE = re.compile(r"\$\{@((?:\{.*?\}|.)+?)\}")
_NOT_METADATA = (
    f"{PurePath(__file__).parents[1]}/",
    *(f"{path}/" for name, path in sysconfig.get_paths().items() if name.endswith(("stdlib", "purelib", "platlib"))),
)


class Failed:
    """The inline expression that failed last, and how: what :func:`explain` wants to know of it."""

    code: str | None = None
    error: BaseException | None = None


def explain(
    variables: Mapping[str, Variable], varname: str | None, text: str, error: BaseException, files: Iterable[str]
) -> ExpansionError:
    """The error for a failed expansion of ``varname``: place, expression and the functions it came through.

    ``files``: those of the metadata that were read, where the expression is looked for if it isn't where the variable was set.
    """
    base = varname.split("[", 1)[0] if varname else None
    variable = variables.get(base) if base else None
    place = variable.origin if variable is not None else None
    found = ExpansionError(varname, text, error, place)
    if isinstance(error, NameError) and error.name:
        near = closest(error.name, variables)
        if near is not None:
            found.hint = f"a variable with a similar name exists: {near}"
    code, known = Failed.code, Failed.error is error
    Failed.code = Failed.error = None
    itself = re.match(r"variable (\S+) references itself", str(error)) if isinstance(error, RecursionError) else None
    if itself is not None and not (known and code is not None):
        found.locate = lambda: _locate_name(found, itself[1], place)
    if known and code is not None:
        # Only when it is shown: metadata may try an expansion and do without.
        found.locate = lambda: _locate(found, code, place, error, tuple(files))
    return found


def _locate(
    found: ExpansionError, code: str, place: Location | None, error: BaseException, files: tuple[str, ...]
) -> None:
    start, length = _part(code, error)
    seen = find("${@" + code + "}", place, files, code)
    if seen is not None:
        found.location, found.excerpt = seen.place(start + 3)
        found.length = length
    if found.hint is None:
        found.hint = unset_hint(error, code)
    found.callers = tuple((where_of(step), f"in {shown(step.name)}") for step in reversed(metadata_steps(error)))


def _locate_name(found: ExpansionError, name: str, place: Location | None) -> None:
    seen = find("${" + name + "}", place, ())
    if seen is not None:
        found.location, found.excerpt = seen.place()
        found.length = len(name) + 3


class Seen:
    """A text in a file: ``offset`` in the logical line. Not ``literal``: something like it, of which only the beginning is known."""

    def __init__(self, line: LogicalLine, offset: int, literal: bool) -> None:
        self.line = line
        self.offset = offset
        self.literal = literal

    def place(self, inner: int = 0) -> tuple[Location, str]:
        """Of a column within the text."""
        return self.line.place(self.offset + inner if self.literal else self.offset)


def find(
    text: str, place: Location | None, files: Iterable[str], code: str | None = None, *, whole: bool = False
) -> Seen | None:
    """``text`` in the statement that begins at ``place``, else in a file of the metadata that has it.

    ``code``: of an inline expression, which may stand there with names in it that were replaced before it was evaluated.
    ``whole``: not as part of a longer word.
    """
    if place is not None and place.line:
        lines = _lines_of(place.file)
        if place.line <= len(lines):
            seen = _in_line(_logical(place.file, lines, place.line), text, code)
            if seen is not None:
                return seen
            if lines[place.line - 1].endswith("{"):
                # A function: it is in its body.
                for number in range(place.line, len(lines) + 1):
                    seen = _in_line(_logical(place.file, lines, number), text)
                    if seen is not None:
                        return seen
                    if lines[number - 1] == "}":
                        break
    for path in files:
        lines = _lines_of(path)
        for number, line in enumerate(lines, 1):
            # Its beginning is enough: the rest may be on the lines below.
            if (
                text[:8] in line
                and not line.startswith("#")
                and (seen := _in_line(_logical(path, lines, number), text, whole=whole)) is not None
            ):
                return seen
    return None


def find_in_statement(
    begin: str,
    word: str,
    files: Iterable[str],
    expand: Callable[[str], str | None] | None = None,
    *,
    strictly: bool = False,
) -> Diagnostic | None:
    """A diagnostic yet without a text at a word of the value in a statement whose beginning matches ``begin``, a regular
    expression; else, unless ``strictly``, at that beginning; None if no file has such a statement."""
    wanted = re.compile(begin)
    head: Diagnostic | None = None
    for path in files:
        for line in _statements(path):
            match = wanted.match(line.text)
            if match is not None:
                found = _of_word(line, word, expand)
                if found is not None:
                    return found
                place, excerpt = line.place(match.start())
                head = head or Diagnostic("", "", place, excerpt=excerpt, length=max(match.end() - match.start(), 1))
    return None if strictly else head


def _statements(path: str) -> Iterator[LogicalLine]:
    lines = _lines_of(path)
    number = 1
    while number <= len(lines):
        line = _logical(path, lines, number)
        if not line.text.startswith("#"):
            yield line
        number = line.numbers[-1] + 1


def at_word(item: Diagnostic, word: str | None, expand: Callable[[str], str | None] | None = None) -> Diagnostic:
    """The same at the word of the value that is set at its place, if it stands there, as it is or (``expand``) with names in it."""
    if not word or item.location is None or not item.location.line:
        return item
    lines = _lines_of(item.location.file)
    if item.location.line > len(lines):
        return item
    line = _logical(item.location.file, lines, item.location.line)
    found = _of_word(line, word, expand)
    value = re.search(r"(?:=|=\+|=\.)\s*([\"'])(.+)\1$", line.text)
    if found is None and expand is not None and value and "${" in value[2] and word in (expand(value[2]) or ""):
        # All of it, where only its expansion has the word.
        place, excerpt = line.place(value.start(2))
        found = Diagnostic("", "", place, excerpt=excerpt, length=len(value[2]))
    return item if found is None else replace(item, location=found.location, excerpt=found.excerpt, length=found.length)


def _of_word(line: LogicalLine, word: str, expand: Callable[[str], str | None] | None) -> Diagnostic | None:
    """At a word of the value in an assignment."""
    quote = re.search(r"[\"']", line.text)
    start = quote.end() if quote else 0
    at = line.text.find(word, start) if " " in word else -1
    length = len(word)
    words = list(re.finditer(r"[^\s\"']+", line.text[start:])) if at < 0 else []
    for match in words:
        if match[0] == word or (
            "${" in match[0] and expand is not None and (len(words) == 1 or _is(match[0], word, expand))
        ):
            at, length = start + match.start(), len(match[0])
            break
    if at < 0:
        # As a part of a word, such as the task in RECIPE:TASK.
        part = re.compile(rf"(?<![\w.+-]){re.escape(word)}(?![\w+-])").search(line.text, start)
        if part is None:
            return None
        at = part.start()
    place, excerpt = line.place(at)
    return Diagnostic("", "", place, excerpt=excerpt, length=length)


def _is(text: str, word: str, expand: Callable[[str], str | None]) -> bool:
    try:
        return expand(text) == word
    except Exception:
        # Half of an inline expression, for instance.
        return False


def _in_line(line: LogicalLine, text: str, code: str | None = None, *, whole: bool = False) -> Seen | None:
    if whole:
        match = re.search(rf"(?<![\w.-]){re.escape(text)}(?![\w-])", line.text)
        return Seen(line, match.start(), True) if match else None
    at = line.text.find(text)
    if at >= 0:
        return Seen(line, at, True)
    if code is None:
        return None
    # Take the expression that begins most alike.
    there = [(_alike(match[1], code), match) for match in _INLINE.finditer(line.text)]
    if not there:
        return None
    best, match = max(there, key=lambda item: item[0])
    return Seen(line, match.start(), False) if best or len(there) == 1 else None


def _alike(first: str, second: str) -> int:
    """How many characters two texts begin with together."""
    return next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), len(first))


def _logical(path: str, lines: list[str], number: int) -> LogicalLine:
    numbers = [number]
    while lines[numbers[-1] - 1].endswith("\\") and numbers[-1] < len(lines):
        numbers.append(numbers[-1] + 1)
    text = "".join(lines[item - 1].removesuffix("\\") if item != numbers[-1] else lines[item - 1] for item in numbers)
    return LogicalLine(path, lines, numbers, text)


def _lines_of(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            return split_lines(file.read())
    except OSError:
        return []


def _part(code: str, error: BaseException) -> tuple[int, int]:
    """Offset and length of what failed within the code of an inline expression."""
    before = len(code) - len(code.lstrip())
    if isinstance(error, SyntaxError) and error.offset and error.filename and not error.filename.startswith("/"):
        end = error.end_offset if error.end_offset and error.end_lineno == error.lineno else error.offset + 1
        return before + error.offset - 1, max(end - error.offset, 1)
    for step in steps_of(error):
        if step.file == "<expansion>" or step.file.startswith("Var <"):
            column, length = step.underline(code.strip())
            return (before + column - 1, length) if column else (before, len(code.strip()))
    return before, len(code.strip())


def metadata_steps(error: BaseException) -> list[Step]:
    """The lines of the metadata's own files that an exception came through, outermost first."""
    return [step for step in steps_of(error) if in_metadata(step.file)]


def in_metadata(file: str) -> bool:
    """Whether code of this file name is the metadata's, not the engine's or Python's own."""
    return file.startswith("/") and not file.startswith(_NOT_METADATA)


def where_of(step: Step) -> Location:
    """The place of a step, with the column of its expression."""
    lines = _lines_of(step.file)
    excerpt = lines[step.line - 1] if 0 < step.line <= len(lines) else ""
    return Location(step.file, step.line, step.underline(excerpt)[0])


def shown(name: str) -> str:
    """The name of a frame's code as something to read."""
    if name in ("__anonymous", "_body"):
        return "an anonymous function"
    return f"a {name.strip('<>')}" if name.startswith("<") else f"{name}()"


def excerpt_of(place: Location) -> str | None:
    """The source line of a place, harmless to a terminal; None where it can't be read."""
    if not place.line:
        return None
    lines = _lines_of(place.file)
    return printable(lines[place.line - 1]) if place.line <= len(lines) else None
