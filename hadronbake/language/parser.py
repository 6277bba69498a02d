"""Files → statements, and every diagnostic of a file in one run.

Logical lines are parsed one by one by the lark grammar; a function's body and a ``def`` block are taken as they are.
After an error reading goes on with the next statement, so that one mistake gives one message.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from hadronbake.diagnostics import Diagnostic, Location, Severity, closest
from hadronbake.language.drafts import DefinitionHeader, Draft, FunctionHeader, accepts, read_line
from hadronbake.language.explain import Finding, explain, quoted
from hadronbake.language.lines import LogicalLine, printable, split_lines
from hadronbake.language.statements import (
    Assignment,
    FileKind,
    Function,
    Include,
    Inherit,
    Operator,
    ParsedFile,
    PythonDefinition,
    Statement,
)

KINDS: dict[str, FileKind] = {
    ".bb": "recipe",
    ".bbappend": "recipe",
    ".inc": "recipe",
    ".bbclass": "recipe",
    ".conf": "conf",
}

# A file with more findings than this is no file of ours; the rest would help nobody.
_MOST = 500
_TAB = re.compile(r" *\t")
_HEADER = re.compile(r"(?:(?:python|fakeroot)\s++)*+[A-Za-z0-9_.+:{}$-]*+\s*+\(\s*+\)\s*+\{$")
_STATEMENT = re.compile(
    r"(?:(?:inherit|inherit_defer|addtask|deltask|EXPORT_FUNCTIONS|require|include)\s++[^=(]*+$"
    r"|[A-Z][A-Za-z0-9_.+/~:{}$-]*+(?:\[[^\]]*+\])?\s++(?:\?\?=|[:?+.]=|=[+.]?)\s++[\"'].*[\"']$)"
)

# What most lines are, in forms that leave no choice of what they are; the grammar says the same of them, at forty times the cost.
_PLAIN_ASSIGNMENT = re.compile(
    r"(?!(?:export|inherit|inherit_defer|addtask|deltask|addhandler|EXPORT_FUNCTIONS|def|python|fakeroot)[ \t\[])"
    r"([A-Za-z0-9_.+/~:{}$-]*[A-Za-z0-9_}])(?:\[([A-Za-z0-9_.+-][A-Za-z0-9_.+@/-]*)\])?[ \t]+(\?\?=|[:?+.]=|=[+.]?)[ \t]+"
    r"(?:\"([^\"\n]*)\"|'([^'\n]*)')\Z"
)
_PLAIN_INCLUSION = re.compile(r"(inherit|require|include)[ \t]+([^\s=(#\"'][^=(#\"'\n]*)\Z")
_PLAIN_HEADER = re.compile(
    r"(?!(?:fakeroot|python[ \t]*\(|python[ \t]+(?:python|fakeroot)\b))(python[ \t]+)?([A-Za-z0-9_.+:{}$-]+)[ \t]*\([ \t]*\)[ \t]*\{\Z"
)


def parse_file(path: Path) -> ParsedFile:
    """Reads and parses one file; its kind follows from its extension. What can't be read gives a diagnostic too."""
    name = str(path)
    kind = KINDS.get(path.suffix)
    if kind is None:
        meant = closest(path.suffix, KINDS)
        finding = Diagnostic(
            "HBL001",
            f"not a recipe or configuration file: '{path.name}'",
            Location(name),
            expected=tuple(KINDS),
            hint=f"did you mean '{path.stem}{meant}'?" if meant else None,
        )
        return ParsedFile(name, "conf", (), (finding,))
    try:
        data = path.read_bytes()
    except OSError as error:
        finding = Diagnostic("HBL004", f"can't be read: {error.strerror}", Location(name))
        return ParsedFile(name, kind, (), (finding,))
    return parse_bytes(data, name, kind)


def parse_bytes(data: bytes, path: str, kind: FileKind) -> ParsedFile:
    """Decodes and parses. Bytes that are not UTF-8 give one diagnostic; the rest of the file is parsed all the same."""
    try:
        return parse_text(data.decode("utf-8"), path, kind)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        text = data.decode("utf-8", "replace")
        shown = printable(text.split("\n")[line - 1].rstrip())
        finding = Diagnostic(
            "HBL002",
            f"the byte 0x{data[error.start]:02x} is not UTF-8",
            Location(path, line, column),
            excerpt=shown,
            hint="save the file as UTF-8",
        )
        parsed = parse_text(text, path, kind)
        return ParsedFile(path, kind, parsed.statements, (finding, *parsed.diagnostics))


def parse_text(text: str, path: str, kind: FileKind) -> ParsedFile:
    """Parses the text of a file. ``path`` is only named in locations.

    Never raises for any text; takes time in proportion to its length.
    """
    reader = _Reader(text, path, kind)
    reader.run()
    findings = sorted(reader.diagnostics, key=lambda item: item.location or Location(path))
    return ParsedFile(path, kind, tuple(reader.statements), tuple(findings))


@lru_cache(maxsize=4096)
def _operation_meant(part: str) -> str | None:
    """append, prepend or remove, if an override is nearly one of these."""
    if part in ("append", "prepend", "remove") or len(part) > 9 or not part.isalpha() or not part.islower():
        return None
    return closest(part, ("append", "prepend", "remove"))


class _Reader:
    """The state of reading one file: where we are, what was read, what was found."""

    def __init__(self, text: str, path: str, kind: FileKind) -> None:
        self.path = path
        self.kind: FileKind = kind
        self.lines = split_lines(text)
        self.next = 0
        self.statements: list[Statement] = []
        self.diagnostics: list[Diagnostic] = []
        # Lines looked at for a missing backslash: many wrong ones in a row look at the same lines.
        self.begins: dict[str, bool] = {}

    def run(self) -> None:
        self.check_characters()
        lines = self.lines
        count = len(lines)
        while self.next < count and len(self.diagnostics) < _MOST:
            line = lines[self.next]
            if not line or (line[0] == "#" and line[-1] != "\\"):
                self.next += 1
            elif line[0] == "#":
                self.comment()
            elif line[-1] != "\\":
                self.next += 1
                self.statement(LogicalLine(self.path, lines, (self.next,), line))
            else:
                self.continued()
        if self.next < count:
            place = Location(self.path, self.next + 1)
            self.diagnostics.append(Diagnostic("HBL006", "too many errors, the rest of the file is not read", place))

    def check_characters(self) -> None:
        for number, line in enumerate(self.lines, 1):
            if "\0" in line:
                self.report("HBL003", "a NUL character", number, line.index("\0") + 1, hint="is this a text file?")
                return
        if self.lines and self.lines[0].startswith("\ufeff"):
            self.lines[0] = self.lines[0][1:]
            self.report("HBL005", "a byte order mark at the beginning", 1, 1, hint="save the file as UTF-8 without BOM")

    def report(
        self,
        code: str,
        message: str,
        number: int,
        column: int = 1,
        length: int = 1,
        *,
        severity: Severity = Severity.ERROR,
        expected: tuple[str, ...] = (),
        hint: str | None = None,
        notes: tuple[tuple[Location | None, str], ...] = (),
    ) -> None:
        excerpt = printable(self.lines[number - 1]) if number <= len(self.lines) else ""
        self.diagnostics.append(
            Diagnostic(
                code,
                message,
                Location(self.path, number, column),
                severity,
                excerpt,
                max(1, min(length, len(excerpt) - column + 1)),
                expected,
                hint,
                notes,
            )
        )

    # -- logical lines ---------------------------------------------------------------------------------------------

    def comment(self) -> None:
        """A comment that is continued: all its lines must be comments."""
        start = self.next
        while self.next < len(self.lines):
            line = self.lines[self.next]
            if line[:1] != "#":
                self.report(
                    "HBL121",
                    "There is a confusing multiline, partially commented expression",
                    self.next + 1,
                    1,
                    max(1, len(line)),
                    expected=("'#' in column 1",),
                    hint="the backslash at the end of the comment above continues it: remove it, or comment this line out too",
                    notes=((Location(self.path, start + 1), "the comment begins here"),),
                )
                return
            self.next += 1
            if line[-1] != "\\":
                return
        if self.kind == "recipe":
            self.unfinished(start)

    def unfinished(self, start: int) -> None:
        last = len(self.lines)
        self.report(
            "HBL120",
            f"Unparsed lines: the file ends with a continuation: {quoted(self.lines[last - 1])}",
            last,
            len(self.lines[last - 1]),
            expected=("a line after the backslash",),
            hint="remove the backslash",
            notes=() if start + 1 == last else ((Location(self.path, start + 1), "the statement begins here"),),
        )

    def continued(self) -> None:
        start = self.next
        numbers: list[int] = []
        parts: list[str] = []
        while self.next < len(self.lines):
            line = self.lines[self.next]
            self.next += 1
            if line[:1] == "#" and self.kind == "recipe" and numbers:
                self.report(
                    "HBL122",
                    "There is a comment in the middle of a multiline expression",
                    self.next,
                    1,
                    len(line),
                    hint="put it above the statement; for an indented '#' the rest of the line is part of the value",
                    notes=((Location(self.path, start + 1), "the statement begins here"),),
                )
                continue
            numbers.append(self.next)
            if line[-1:] != "\\":
                parts.append(line)
                break
            parts.append(line[:-1])
        else:
            if self.kind == "recipe":
                self.unfinished(start)
                return
        text = "".join(parts)
        if text.strip():
            self.statement(LogicalLine(self.path, self.lines, numbers, text))

    # -- statements ------------------------------------------------------------------------------------------------

    def statement(self, line: LogicalLine) -> None:
        if line.text[0].isspace():
            self.indented(line)
            return
        if self.plain(line):
            return
        result = read_line(line.text, self.kind)
        if result is None:
            self.refused(line)
            return
        location = Location(self.path, line.numbers[0], 1)
        if isinstance(result, Draft):
            self.warn(line, result)
            self.statements.append(result.make(location, len(line.numbers), *result.fields))
        elif isinstance(result, FunctionHeader):
            self.function(line, location, result)
        else:
            self.definition(line, location, result)

    def plain(self, line: LogicalLine) -> bool:
        """Read a line of one of the plainest forms; False if it is none."""
        text = line.text
        location = Location(self.path, line.numbers[0], 1)
        match = _PLAIN_ASSIGNMENT.match(text)
        if match:
            name, flag, operator, value, single = match.groups()
            name = sys.intern(name)
            self.check_overrides(line, name)
            value = single if value is None else value
            flag = flag if flag is None else sys.intern(flag)
            operator = cast(Operator, sys.intern(operator))
            self.statements.append(Assignment(location, len(line.numbers), name, flag, operator, value))
            return True
        if self.kind != "recipe":
            return False
        match = _PLAIN_INCLUSION.match(text)
        if match:
            names = match[2]
            if match[1] == "inherit":
                self.statements.append(Inherit(location, len(line.numbers), names, False))
            else:
                keyword: Literal["require", "include"] = "require" if match[1] == "require" else "include"
                self.statements.append(Include(location, len(line.numbers), keyword, names))
            return True
        match = _PLAIN_HEADER.match(text) if text[-1] == "{" else None
        if match:
            python, name = match.groups()
            self.function(line, location, FunctionHeader(sys.intern(name), python is not None, False))
            return True
        return False

    def warn(self, line: LogicalLine, draft: Draft) -> None:
        if draft.make is Assignment:
            if draft.crowded is not None:
                offset, length = draft.crowded
                self.found(
                    line,
                    Finding("HBL201", "no blank around the assignment operator", offset, length),
                    Severity.WARNING,
                )
            self.check_overrides(line, draft.fields[0])
        elif draft.make in (Include, Inherit):
            match = re.search(r"(?<=\s)#.*", line.text)
            if match:
                finding = Finding(
                    "HBL203",
                    "'#' does not begin a comment here: these words are taken as names",
                    match.start(),
                    len(match[0]),
                    hint="put the comment on a line of its own, above",
                )
                self.found(line, finding, Severity.WARNING)

    def check_overrides(self, line: LogicalLine, name: str) -> None:
        if ":" not in name:
            return
        for part in name.split(":")[1:]:
            if meant := _operation_meant(part):
                finding = Finding(
                    "HBL205",
                    f"'{part}' is taken as an override",
                    line.text.index(f":{part}") + 1,
                    len(part),
                    hint=f"did you mean ':{meant}'?",
                )
                self.found(line, finding, Severity.WARNING)

    def found(self, line: LogicalLine, finding: Finding, severity: Severity = Severity.ERROR) -> None:
        place, excerpt = line.place(finding.offset)
        notes: tuple[tuple[Location | None, str], ...] = ()
        if place.line != line.numbers[0]:
            notes = ((Location(self.path, line.numbers[0], 1), "the statement begins here"),)
        self.diagnostics.append(
            Diagnostic(
                finding.code,
                finding.message,
                place,
                severity,
                excerpt,
                max(1, min(finding.length, len(excerpt) - place.column + 1)),
                finding.expected,
                finding.hint,
                notes,
            )
        )

    def indented(self, line: LogicalLine) -> None:
        stripped = line.text.lstrip()
        offset = len(line.text) - len(stripped)
        if stripped.startswith("#"):
            finding = Finding(
                "HBL112",
                "an indented comment",
                offset,
                len(stripped),
                ("'#' in column 1",),
                "remove the blanks before '#'",
            )
            self.found(line, finding)
            return
        if stripped == "}":
            finding = Finding(
                "HBL133",
                "'}' without a function",
                offset,
                1,
                hint="a function's header ends with '{' and its body with the first '}' in column 1",
            )
            self.found(line, finding)
            return
        if accepts(stripped, self.kind):
            finding = Finding(
                "HBL111",
                "an indented statement",
                0,
                offset,
                ("a statement in column 1",),
                "remove the blanks before it, or end the line above with a backslash if it belongs to that",
                "function" if _HEADER.match(stripped) else "block" if stripped.startswith("def ") else None,
            )
        else:
            finding = Finding(
                "HBL111",
                f"an indented line outside of a function: {quoted(stripped)}",
                0,
                offset,
                ("a statement in column 1",),
                "if it belongs to the line above, that one must end with a backslash",
                "block",
            )
        self.found(line, finding)
        self.skip(finding.opens)

    def refused(self, line: LogicalLine) -> None:
        finding = explain(line.text, self.kind)
        if finding.opens in ('"', "'"):
            hint = self.missing_backslash(line, finding.opens)
            if hint:
                finding = Finding(
                    finding.code,
                    finding.message,
                    finding.offset,
                    finding.length,
                    finding.expected,
                    hint,
                    finding.opens,
                )
        self.found(line, finding)
        self.skip(finding.opens or "block")

    def missing_backslash(self, line: LogicalLine, quote: str) -> str | None:
        """The hint for a value whose closing quote comes on a line that is not joined to it."""
        for index in range(self.next, min(self.next + 50, len(self.lines))):
            text = self.lines[index]
            if text not in self.begins:
                self.begins[text] = accepts(text, self.kind) or bool(_HEADER.match(text))
            if not text or text[0] == "#" or self.begins[text]:
                return None
            if text.rstrip("\\ ").endswith(quote):
                return f"line {line.numbers[-1]} does not end with a backslash, so the value does not go on in the next line"
        return None

    def skip(self, opens: str | None) -> None:
        """Passes over what belongs to a statement that couldn't be read."""
        if opens is None:
            return
        count = len(self.lines)
        if opens == "function":
            for index in range(self.next, count):
                line = self.lines[index]
                if line == "}":
                    self.next = index + 1
                    return
                if _HEADER.match(line) or _STATEMENT.match(line):
                    break
        end = self.next
        for index in range(self.next, count):
            line = self.lines[index]
            if line and not line[0].isspace() and not (opens == "function" and line in ("{", "}")):
                if opens in ('"', "'") and line.endswith(opens) and line.count(opens) == 1:
                    end = index + 1
                break
            if line:
                end = index + 1
                if opens in ('"', "'") and line.endswith(opens):
                    break
        self.next = end

    # -- blocks ----------------------------------------------------------------------------------------------------

    def function(self, line: LogicalLine, location: Location, header: FunctionHeader) -> None:
        self.check_overrides(line, header.name or "")
        start = self.next
        try:
            end = self.lines.index("}", start)
        except ValueError:
            self.unclosed(location, header, start)
            return
        self.next = end + 1
        body = self.lines[start:end]
        if header.python:
            self.warn_of_tabs(start, end)
        for index in range(start, end):
            text = self.lines[index]
            if text[-1:] == "{" and _HEADER.match(text):
                self.report(
                    "HBL204",
                    "a function header inside of another function's body",
                    index + 1,
                    1,
                    len(text),
                    severity=Severity.WARNING,
                    hint="is a '}' in column 1 missing above?",
                    notes=((location, "the function begins here"),),
                )
        self.statements.append(
            Function(
                location,
                len(line.numbers) + end - start + 1,
                header.name,
                "".join([text + "\n" for text in body]),
                header.python,
                header.fakeroot,
            )
        )

    def unclosed(self, location: Location, header: FunctionHeader, start: int) -> None:
        """A body that runs to the end of the file. Reading goes on where the next statement seems to begin."""
        count = len(self.lines)
        resume = count
        for index in range(start, count):
            text = self.lines[index]
            if _HEADER.match(text) or _STATEMENT.match(text):
                resume = index
                break
        last = max(start, resume) - 1
        while last >= start and not self.lines[last]:
            last -= 1
        what = f"'{header.name}'" if header.name else "anonymous Python"
        text = self.lines[last]
        indented = last >= start and text.strip() == "}"
        self.report(
            "HBL130",
            f"Unparsed lines from unclosed function {what}",
            last + 1,
            len(text) if text else 1,
            expected=("'}' in column 1",),
            hint="the '}' must not be indented" if indented else None,
            notes=((location, "the function begins here"),),
        )
        self.next = resume

    def definition(self, line: LogicalLine, location: Location, header: DefinitionHeader) -> None:
        start = end = self.next
        count = len(self.lines)
        while end < count:
            text = self.lines[end]
            if text and text[0] != "#" and not text[0].isspace():
                break
            end += 1
        self.next = end
        self.warn_of_tabs(start, end)
        text = "\n".join([line.text, *self.lines[start:end]])
        self.statements.append(
            PythonDefinition(location, len(line.numbers) + end - start, header.name, text),
        )

    def warn_of_tabs(self, start: int, end: int) -> None:
        for index in range(start, end):
            match = _TAB.match(self.lines[index])
            if match:
                self.report(
                    "HBL202",
                    "python should use 4 spaces indentation, but found tabs",
                    index + 1,
                    match.end(),
                    severity=Severity.WARNING,
                )
                return
