"""``hbake lsp``: the protocol's edge. Each request becomes a question to the pure modules, over a text and what is known of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from hadronbake import __version__
from hadronbake.authoring.formatting import format_text
from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.lsp.actions import changes
from hadronbake.lsp.analyst import Analyst
from hadronbake.lsp.completion import complete
from hadronbake.lsp.context import Known
from hadronbake.lsp.convert import (
    column_of,
    completion_of,
    diagnostic_of,
    location_of,
    path_of,
    range_of,
    symbol_kind,
    symbol_of,
    uri_of,
)
from hadronbake.lsp.cursor import target_at
from hadronbake.lsp.definition import definition
from hadronbake.lsp.document import Document
from hadronbake.lsp.findings import by_file, findings
from hadronbake.lsp.hover import hover
from hadronbake.lsp.model import NOTHING, Span
from hadronbake.lsp.references import metadata_files, read_files, references
from hadronbake.lsp.site import find_site
from hadronbake.lsp.symbols import outline, recipe_symbols

_PAUSE = 0.15
_PATIENCE = 2.0
_WATCHED = "**/*.{bb,bbappend,inc,bbclass,conf}"
# The text is parsed while it is typed: findings of the last reading of the disk about it are outdated.
_OF_TEXT = ("HBL", "HBW", "HBD107")


class Server(LanguageServer):
    """The documents that are open, and an analyst for each build directory that one of them belongs to."""

    def __init__(self) -> None:
        # Full texts: they are small, and no disagreement on what a line is can ever garble them.
        super().__init__("hbake", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.analysts: dict[Path, Analyst] = {}
        self.documents: dict[str, Document] = {}
        self._sites: dict[Path, Path | None] = {}
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._published: dict[Path, set[str]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- documents and what is known of them -----------------------------------------------------------------------------

    @property
    def encoding(self) -> types.PositionEncodingKind | str | None:
        return self.workspace.position_encoding

    def document(self, uri: str) -> Document:
        """The text as the editor has it now; the same object as long as it doesn't change."""
        path, text = path_of(uri), self.workspace.get_text_document(uri).source
        known = self.documents.get(path)
        if known is None or known.text != text:
            known = self.documents[path] = Document(path, text)
        return known

    def analyst(self, path: str) -> Analyst | None:
        """The one for a file's build directory, started when it is needed first."""
        directory = Path(path).parent
        if directory not in self._sites:
            roots = [Path(path_of(folder.uri)) for folder in self.workspace.folders.values()]
            if not roots and self.workspace.root_path:
                roots = [Path(self.workspace.root_path)]
            try:
                self._sites[directory] = find_site(Path(path), roots, os.environ) if path.startswith("/") else None
            except OSError:
                self._sites[directory] = None
        topdir = self._sites[directory]
        if topdir is None:
            return None
        found = self.analysts.get(topdir)
        if found is None:
            found = self.analysts[topdir] = Analyst(topdir, self.publish_snapshot)
            found.refresh(0)
        return found

    async def known(self, uri: str, patience: float = _PATIENCE) -> Known:
        """Parsed beside the event loop, so that typing goes on."""
        document = self.document(uri)
        await asyncio.to_thread(lambda: document.parsed)
        analyst = self.analyst(document.path)
        if analyst is None:
            return Known(document, NOTHING)
        view = await analyst.view(document.path, patience)
        return Known(document, analyst.snapshot, view)

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run in the background; kept until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- diagnostics -----------------------------------------------------------------------------------------------------

    def check(self, uri: str, delay: float) -> None:
        """Publish the findings of a text soon; a newer call replaces an older one."""
        pending = self._pending.pop(uri, None)
        if pending is not None:
            pending.cancel()
        self._pending[uri] = self.begin(self._check(uri, delay))

    async def _check(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        document = self.document(uri)
        found = await asyncio.to_thread(findings, document)
        if self.documents.get(document.path) is document:
            self.publish(document.path, [*found, *self._of_disk(document.path)], document)

    def _of_disk(self, path: str) -> list[Diagnostic]:
        """What the last reading found in a file that is open, beside what its text shows."""
        topdir = self._sites.get(Path(path).parent)
        analyst = self.analysts.get(topdir) if topdir is not None else None
        if analyst is None:
            return []
        return [
            item
            for item in by_file(analyst.snapshot.diagnostics, _bblayers(analyst)).get(path, [])
            if not item.code.startswith(_OF_TEXT)
        ]

    def publish_snapshot(self, analyst: Analyst) -> None:
        """The findings of a reading: for open documents together with those of their texts."""
        found = by_file(analyst.snapshot.diagnostics, _bblayers(analyst))
        before = self._published.get(analyst.topdir, set())
        self._published[analyst.topdir] = set(found)
        opened = {path_of(uri): uri for uri in self.workspace.text_documents}
        for path in before | set(found):
            if path not in opened:
                self.publish(path, found.get(path, []), None)
        for path, uri in opened.items():
            if self._sites.get(Path(path).parent) == analyst.topdir:
                self.check(uri, 0)
                self.begin(analyst.view(path, 60))

    def publish(self, path: str, found: list[Diagnostic], document: Document | None) -> None:
        """``document``: the open one, or None if the file is to be read for the columns of its lines."""
        lines: list[str] = []
        if document is not None:
            lines = document.lines
        elif found:
            with contextlib.suppress(OSError):
                lines = Document(path, Path(path).read_text(encoding="utf-8", errors="replace")).lines
        items = [diagnostic_of(item, lines, self.encoding) for item in dict.fromkeys(found)]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri_of(path), items))


def _bblayers(analyst: Analyst) -> str:
    return str(analyst.topdir / "conf" / "bblayers.conf")


def make_server() -> Server:
    """The server with all that it can do."""
    server = Server()

    @server.feature(types.INITIALIZED)
    def initialized(ls: Server, params: types.InitializedParams) -> None:
        workspace = ls.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is not None and watching.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(_WATCHED)])
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            ls.client_register_capability(types.RegistrationParams([types.Registration("watch", method, options)]))

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
        path = path_of(params.text_document.uri)
        ls.check(params.text_document.uri, 0)
        analyst = ls.analyst(path)
        if analyst is not None:
            ls.begin(analyst.view(path, 60))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
        ls.check(params.text_document.uri, _PAUSE)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
        ls.check(params.text_document.uri, 0)
        analyst = ls.analyst(path_of(params.text_document.uri))
        if analyst is not None:
            analyst.refresh()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
        path = path_of(params.text_document.uri)
        ls.documents.pop(path, None)
        pending = ls._pending.pop(params.text_document.uri, None)
        if pending is not None:
            pending.cancel()
        analyst = ls.analyst(path)
        found = by_file(analyst.snapshot.diagnostics, _bblayers(analyst)).get(path, []) if analyst is not None else []
        ls.publish(path, found, None)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
        ls._sites.clear()
        for change in params.changes:
            analyst = ls.analyst(path_of(change.uri))
            if analyst is not None:
                analyst.refresh()

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hovered(ls: Server, params: types.HoverParams) -> types.Hover | None:
        known = await ls.known(params.text_document.uri)
        target = target_at(known.document, *_position(ls, known.document, params.position))
        text = await asyncio.to_thread(hover, known, target) if target is not None else None
        if target is None or text is None:
            return None
        where = range_of(target.span, known.document.lines, ls.encoding)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), where)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def defined(ls: Server, params: types.DefinitionParams) -> types.Location | None:
        known = await ls.known(params.text_document.uri)
        target = target_at(known.document, *_position(ls, known.document, params.position))
        place = await asyncio.to_thread(definition, known, target) if target is not None else None
        return location_of(place, ls.encoding) if place is not None else None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def referred(ls: Server, params: types.ReferenceParams) -> list[types.Location]:
        known = await ls.known(params.text_document.uri)
        target = target_at(known.document, *_position(ls, known.document, params.position))
        if target is None or target.kind not in ("variable", "function", "task"):
            return []
        opened = {path: document.text for path, document in ls.documents.items()}

        def search() -> list[types.Location]:
            paths = dict.fromkeys([known.document.path, *metadata_files(known.snapshot)])
            texts = dict(read_files(paths, opened))
            found = []
            for place in references(target.name, texts.items()):
                lines = Document(place.path, texts[place.path]).lines
                found.append(location_of(place, ls.encoding, lines))
            return found

        return await asyncio.to_thread(search)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def outlined(ls: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        document = ls.document(params.text_document.uri)
        found = await asyncio.to_thread(outline, document)
        return [symbol_of(item, document.lines, ls.encoding) for item in found]

    @server.feature(types.WORKSPACE_SYMBOL)
    async def sought(ls: Server, params: types.WorkspaceSymbolParams) -> list[types.SymbolInformation]:
        return [
            types.SymbolInformation(location_of(place, ls.encoding, []), name, symbol_kind(kind), container_name=layer)
            for analyst in ls.analysts.values()
            for name, layer, kind, place in recipe_symbols(analyst.snapshot, params.query)
        ]

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=["{", ":", "[", '"', "'", "/", "."])
    )
    async def completed(ls: Server, params: types.CompletionParams) -> types.CompletionList:
        known = await ls.known(params.text_document.uri, 0.5)
        line, column = _position(ls, known.document, params.position)
        found = await asyncio.to_thread(complete, known, line, column)
        text = ls.client_capabilities.text_document
        item = text.completion.completion_item if text is not None and text.completion is not None else None
        snippets = bool(item is not None and item.snippet_support)
        lines = known.document.lines
        items = [completion_of(proposal, lines, ls.encoding, snippets=snippets) for proposal in found]
        return types.CompletionList(is_incomplete=False, items=items)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    async def formatted(ls: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        document = ls.document(params.text_document.uri)
        if document.kind is None:
            return None
        try:
            text = await asyncio.to_thread(format_text, document.text, document.path, document.kind)
        except HadronbakeError as error:
            first = error.diagnostics[0].message
            ls.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"hbake: not formatted: {first}"))
            return None
        if text == document.text:
            return []
        last = len(document.lines) - 1
        whole = Span(0, 0, last, len(document.line(last)))
        return [types.TextEdit(range_of(whole, document.lines, ls.encoding), text)]

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    async def mended(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
        document = ls.document(params.text_document.uri)
        found = []
        for item in params.context.diagnostics:
            if item.source != "hbake":
                continue
            for change in changes(document, item.range.start.line, str(item.code), item.message):
                edit = types.TextEdit(range_of(change.span, document.lines, ls.encoding), change.text)
                found.append(
                    types.CodeAction(
                        change.title,
                        kind=types.CodeActionKind.QuickFix,
                        diagnostics=[item],
                        is_preferred=change.preferred,
                        edit=types.WorkspaceEdit(changes={params.text_document.uri: [edit]}),
                    )
                )
        return found

    @server.feature(types.SHUTDOWN)
    def ended(ls: Server, *_: Any) -> None:
        for analyst in ls.analysts.values():
            analyst.close()

    return server


def _position(ls: Server, document: Document, position: types.Position) -> tuple[int, int]:
    return position.line, column_of(document.line(position.line), position.character, ls.encoding)


def main() -> None:
    """Serve on standard input and output until the editor says that it's over."""
    make_server().start_io()
