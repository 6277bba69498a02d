"""Changes that mend a finding: the word that was meant, or a comment that silences a rule of lint."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hadronbake.diagnostics import closest
from hadronbake.lsp.document import Document
from hadronbake.lsp.model import Span

_MEANT = re.compile(r"did you mean '?(?P<word>[^\s'?]+)'?\?")
_WORD = re.compile(r"[^\s\"':=\[\](){}$;,|]+")


@dataclass(frozen=True, slots=True)
class Change:
    """``text`` takes the place of ``span``. ``preferred``: it is most likely what is wanted."""

    title: str
    span: Span
    text: str
    preferred: bool


def changes(document: Document, line: int, code: str, message: str) -> list[Change]:
    """What can be done about the finding with this code and message (hint included) on a line."""
    found = []
    if (meant := _MEANT.search(message)) and (change := _replacement(document, line, meant["word"])):
        found.append(change)
    if code.startswith("HBW"):
        found.append(_silence(document, line, code))
    return found


def _replacement(document: Document, line: int, meant: str) -> Change | None:
    """The word on the line that is nearest to the one that was meant."""
    meant = meant.strip(":[]")
    words = {match[0]: match.span() for match in _WORD.finditer(document.line(line))}
    near = closest(meant, words.keys() - {meant})
    if near is None:
        return None
    return Change(f"Replace {near} by {meant}", Span.within(line, *words[near]), meant, True)


def _silence(document: Document, line: int, code: str) -> Change:
    """The comment goes above the statement, or inside of a function above the line."""
    block = document.block(line)
    indentation = ""
    if block is None:
        line = document.logical(line, 0).first
    else:
        text = document.line(line)
        indentation = text[: len(text) - len(text.lstrip())]
    text = f"{indentation}# hbake: disable={code}  say why\n"
    return Change(f"Silence {code} here", Span.within(line, 0, 0), text, False)
