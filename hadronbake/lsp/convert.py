"""Our models ↔ the protocol's types. Columns of the protocol count code units of the encoding that was agreed on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from lsprotocol import types

from hadronbake.diagnostics import Diagnostic, Severity
from hadronbake.lsp.completion import Proposal, ProposalKind
from hadronbake.lsp.findings import message_of, span_of
from hadronbake.lsp.model import Place, Span
from hadronbake.lsp.symbols import Symbol, SymbolKind

Encoding = types.PositionEncodingKind | str | None
_UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}

_SYMBOLS: dict[SymbolKind, types.SymbolKind] = {
    "variable": types.SymbolKind.Variable,
    "flag": types.SymbolKind.Property,
    "function": types.SymbolKind.Function,
    "task": types.SymbolKind.Method,
    "class": types.SymbolKind.Class,
    "file": types.SymbolKind.File,
    "event": types.SymbolKind.Event,
    "recipe": types.SymbolKind.Package,
}
_PROPOSALS: dict[ProposalKind, types.CompletionItemKind] = {
    "variable": types.CompletionItemKind.Variable,
    "flag": types.CompletionItemKind.Property,
    "override": types.CompletionItemKind.EnumMember,
    "class": types.CompletionItemKind.Class,
    "recipe": types.CompletionItemKind.Module,
    "file": types.CompletionItemKind.File,
    "function": types.CompletionItemKind.Function,
    "keyword": types.CompletionItemKind.Keyword,
    "snippet": types.CompletionItemKind.Snippet,
}


def path_of(uri: str) -> str:
    """The path of a ``file:`` address; of any other the address itself, which is no path of a file that exists."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


def uri_of(path: str) -> str:
    return f"file://{quote(path)}" if path.startswith("/") else path


def column_of(line: str, units: int, encoding: Encoding) -> int:
    """Code units → characters."""
    codec, size = _UNITS[str(getattr(encoding, "value", encoding) or "utf-16")]
    if size == 4 or line.isascii():
        return min(units, len(line))
    data = line.encode(codec, "surrogatepass")[: units * size]
    return len(data.decode(codec, "ignore"))


def units_of(line: str, column: int, encoding: Encoding) -> int:
    """Characters → code units."""
    codec, size = _UNITS[str(getattr(encoding, "value", encoding) or "utf-16")]
    if size == 4 or line.isascii():
        return column
    return len(line[:column].encode(codec, "surrogatepass")) // size


def range_of(span: Span, lines: list[str], encoding: Encoding) -> types.Range:
    """``lines`` are those of the text that the span is in; beyond them columns are taken as they are."""

    def position(line: int, column: int) -> types.Position:
        text = lines[line] if line < len(lines) else ""
        return types.Position(line, units_of(text, column, encoding) if text else column)

    return types.Range(position(span.line, span.column), position(span.end_line, span.end_column))


def location_of(place: Place, encoding: Encoding, lines: list[str] | None = None) -> types.Location:
    """``lines`` are those of the file; without them they are read if the columns matter."""
    if lines is None:
        lines = []
        if place.span.end_column:
            with contextlib.suppress(OSError):
                lines = Path(place.path).read_text(encoding="utf-8", errors="replace").split("\n")
    return types.Location(uri_of(place.path), range_of(place.span, lines, encoding))


def diagnostic_of(item: Diagnostic, lines: list[str], encoding: Encoding) -> types.Diagnostic:
    """With its code; notes with a place become related information."""
    severity = types.DiagnosticSeverity.Error if item.severity is Severity.ERROR else types.DiagnosticSeverity.Warning
    related = [
        types.DiagnosticRelatedInformation(location_of(Place.of(place), encoding, []), note)
        for place, note in item.notes
        if place is not None and place.file.startswith("/")
    ]
    return types.Diagnostic(
        range_of(span_of(item, lines), lines, encoding),
        message_of(item),
        severity=severity,
        code=item.code,
        source="hbake",
        related_information=related or None,
    )


def symbol_of(symbol: Symbol, lines: list[str], encoding: Encoding) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        symbol.name,
        _SYMBOLS[symbol.kind],
        range_of(symbol.span, lines, encoding),
        range_of(symbol.selection, lines, encoding),
        detail=symbol.detail,
    )


def symbol_kind(kind: SymbolKind) -> types.SymbolKind:
    return _SYMBOLS[kind]


def completion_of(proposal: Proposal, lines: list[str], encoding: Encoding, *, snippets: bool) -> types.CompletionItem:
    """Without support for snippets their placeholders would be inserted as they are: then only the label is."""
    text, form = proposal.label, types.InsertTextFormat.PlainText
    if proposal.insert is not None and snippets:
        text, form = proposal.insert, types.InsertTextFormat.Snippet
    documentation = None
    if proposal.documentation:
        documentation = types.MarkupContent(types.MarkupKind.Markdown, proposal.documentation)
    return types.CompletionItem(
        proposal.label,
        kind=_PROPOSALS[proposal.kind],
        detail=proposal.detail or None,
        documentation=documentation,
        filter_text=proposal.label,
        text_edit=types.TextEdit(range_of(proposal.span, lines, encoding), text),
        insert_text_format=form,
    )
