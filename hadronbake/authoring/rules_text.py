"""Rules about the text of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hadronbake.authoring.rule import FileRule, Problem
from hadronbake.authoring.source import Source
from hadronbake.language.statements import Function

_URL = re.compile(r"\S+://\S+")


def _trailing_blanks(source: Source) -> Iterator[Problem]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", source.text), 1):
        stripped = line.rstrip()
        if stripped != line:
            yield Problem(
                "blanks at the end of the line", source.at(number, len(stripped) + 1), len(line) - len(stripped)
            )


def _mixed_indentation(source: Source) -> Iterator[Problem]:
    for function in source.of_type(Function):
        if function.python:
            # Tabs in Python code are the language's own warning, HBL202.
            continue
        start, lines = source.body(function)
        kinds = {line[0] for line in lines if line[:1] in (" ", "\t") and line.strip()}
        if len(kinds) < 2:
            continue
        first = next(line[0] for line in lines if line[:1] in (" ", "\t") and line.strip())
        for number, line in enumerate(lines, start):
            if line[:1] in (" ", "\t") and line[0] != first and line.strip():
                named = {" ": "blanks", "\t": "a tab"}
                yield Problem(
                    f"indented with {named[line[0]]}, where lines above are indented with {named[first].removeprefix('a ')}"
                    + ("s" if first == "\t" else ""),
                    source.at(number),
                    len(line) - len(line.lstrip()),
                )
                break


def _long_line(source: Source) -> Iterator[Problem]:
    for number, line in enumerate(source.lines, 1):
        # An address can't be broken.
        if len(line) > source.settings.line_length and len(_URL.sub("", line)) > source.settings.line_length - 40:
            yield Problem(
                f"{len(line)} columns, more than {source.settings.line_length}",
                source.at(number, source.settings.line_length + 1),
                len(line) - source.settings.line_length,
            )


RULES = (
    FileRule(
        "HBW101",
        "blanks at the end of a line",
        "They are not seen, make changes look bigger than they are, and after a backslash look like no continuation.",
        _trailing_blanks,
    ),
    FileRule(
        "HBW102",
        "tabs and blanks mixed in one shell function",
        "The code looks differently in each editor; in a here-document with <<- it also means something else.",
        _mixed_indentation,
    ),
    FileRule(
        "HBW103",
        "a long line",
        "What is beyond the edge is not read in reviews. The limit is line-length in lint.toml, 160 if it says nothing.",
        _long_line,
    ),
)
