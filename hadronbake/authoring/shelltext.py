"""A shell function's text with everything masked that is no code: quoted text, comments, here-documents, inline Python.

Masked characters become ``_`` (in comments and here-documents blanks), so that lines and columns stay what they were.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

from hadronbake.datastore.expressions import python_expressions

_REDIRECTION = re.compile(r"(?=<<)")
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:\\?([A-Za-z_][A-Za-z0-9_]*)|'([^'\n]+)'|\"([^\"\n]+)\")")
_COMMAND = re.compile(
    r"(?:^|[;&|({`]|\$\(|\b(?:then|do|else|if|while|until|!)\s)\s*((?:[A-Za-z_]\w*=\S*\s+)*)([\w./+$-]+)"
)


@lru_cache(maxsize=4096)
def masked(body: str) -> tuple[str, ...]:
    """The lines of the body, masked."""
    pieces: list[str] = []
    after = 0
    for start, end in python_expressions(body):
        pieces += (body[after : start - 3], "_" * (end - start + 4))
        after = end + 1
    body = "".join([*pieces, body[after:]])
    found: list[str] = []
    quote = ""
    waiting: list[tuple[bool, str]] = []
    for line in body.split("\n"):
        if waiting and not quote:
            tabs, word = waiting[0]
            if (line.lstrip("\t") if tabs else line) == word:
                waiting.pop(0)
            found.append(" " * len(line))
            continue
        line, quote = _mask_line(line, quote)
        found.append(line)
        if not quote:
            waiting += [(bool(match[1]), match[2]) for match in _HEREDOC.finditer(line) if match[2]]
    return tuple(found)


def _mask_line(line: str, quote: str) -> tuple[str, str]:
    """The line masked, and the quote that is still open at its end."""
    out: list[str] = []
    redirections = [match.start() for match in _REDIRECTION.finditer(line)]
    index = 0
    while index < len(line):
        char = line[index]
        if quote:
            if char == quote:
                quote = ""
                out.append(char)
            elif char == "\\" and quote == '"' and index + 1 < len(line):
                out.append("__")
                index += 1
            else:
                out.append("_")
        elif char == "\\" and index + 1 < len(line):
            out.append("__")
            index += 1
        elif char in "'\"":
            before = bisect_right(redirections, index - 2)
            heredoc = _HEREDOC.match(line, redirections[before - 1]) if before else None
            if heredoc and heredoc.start() < index < heredoc.end():
                # The word of a here-document: kept, for whoever looks for the end of it.
                word = heredoc[3] or heredoc[4]
                out.append(f" {word} " if word.isidentifier() else "_" * (len(word) + 2))
                index += len(word) + 1
            else:
                quote = char
                out.append(char)
        elif char == "#" and (not index or line[index - 1] in " \t;&|("):
            out.append(" " * (len(line) - index))
            break
        else:
            out.append(char)
        index += 1
    return "".join(out), quote


def commands(lines: Sequence[str]) -> Iterator[tuple[int, int, str, str]]:
    """The command words of masked lines: (index of the line, offset of the word, the word, what follows it on the line)."""
    for index, line in enumerate(lines):
        for match in _COMMAND.finditer(line):
            rest = re.split(r"[;&|)]", line[match.end() :], maxsplit=1)[0]
            yield index, match.start(2), match[2], rest
