"""An editor, as far as the language server can see: ``hbake lsp`` in a process of its own, spoken to over its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import BaseLanguageClient

PATIENCE = 120


class Editor:
    """A client with what the server told it. Positions are given as ``(text of a line, what in it)``."""

    def __init__(self, client: BaseLanguageClient) -> None:
        self.client = client
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, list[types.Diagnostic]] = {}
        self.messages: list[str] = []
        self.news = asyncio.Event()

    def open(self, path: Path) -> str:
        uri = path.as_uri()
        self.texts[uri], self.versions[uri] = path.read_text(), 1
        item = types.TextDocumentItem(uri, "bitbake", 1, self.texts[uri])
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, text: str) -> None:
        self.texts[uri] = text
        self.versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def save(self, uri: str) -> None:
        Path(uri.removeprefix("file://")).write_text(self.texts[uri])
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def at(self, uri: str, line: str, part: str) -> dict[str, Any]:
        """The document and the position right after ``part`` in the first line that contains ``line``."""
        for number, text in enumerate(self.texts[uri].split("\n")):
            if line in text:
                units = text[: text.index(part) + len(part)].encode("utf-16-le")
                position = types.Position(number, len(units) // 2)
                return {"text_document": types.TextDocumentIdentifier(uri), "position": position}
        raise AssertionError(f"no line with {line!r}")

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until what was published meets a condition."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := condition()):
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"never came; the last: {self.published} {self.messages}") from None
        return found

    async def codes(self, uri: str, *codes: str) -> list[types.Diagnostic]:
        """Wait until the findings of a document have exactly these codes."""
        await self.until(
            lambda: uri in self.published and sorted(str(i.code) for i in self.published[uri]) == sorted(codes)
        )
        return self.published[uri]

    async def hover(self, uri: str, line: str, part: str) -> str:
        found = await self.client.text_document_hover_async(types.HoverParams(**self.at(uri, line, part)))
        return found.contents.value if found is not None and isinstance(found.contents, types.MarkupContent) else ""

    async def definition(self, uri: str, line: str, part: str) -> tuple[str, int]:
        """File name and line from 1."""
        found = await self.client.text_document_definition_async(types.DefinitionParams(**self.at(uri, line, part)))
        assert isinstance(found, types.Location), found
        return Path(found.uri).name, found.range.start.line + 1

    async def completion(self, uri: str, line: str, part: str) -> dict[str, types.CompletionItem]:
        found = await self.client.text_document_completion_async(types.CompletionParams(**self.at(uri, line, part)))
        assert isinstance(found, types.CompletionList)
        return {item.label: item for item in found.items}


@contextlib.asynccontextmanager
async def editing(directory: Path, environ: dict[str, str]) -> AsyncIterator[Editor]:
    """A session from ``initialize`` to ``exit``; the server must end by itself, with status 0."""
    client = BaseLanguageClient("test", "1")
    editor = Editor(client)

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def published(params: types.PublishDiagnosticsParams) -> None:
        editor.published[params.uri] = list(params.diagnostics)
        editor.news.set()

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def shown(params: types.ShowMessageParams) -> None:
        editor.messages.append(params.message)
        editor.news.set()

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def registered(params: types.RegistrationParams) -> None:
        editor.messages += [item.method for item in params.registrations]
        editor.news.set()

    program = "from hadronbake.cli.main import main; main()"
    await client.start_io(sys.executable, "-c", program, "lsp", env={**os.environ, **environ}, cwd=str(directory))
    process = client._server
    assert process is not None
    capabilities = types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
        ),
        text_document=types.TextDocumentClientCapabilities(
            completion=types.CompletionClientCapabilities(
                completion_item=types.ClientCompletionItemOptions(snippet_support=True)
            )
        ),
    )
    folder = types.WorkspaceFolder(directory.as_uri(), directory.name)
    await client.initialize_async(
        types.InitializeParams(capabilities=capabilities, process_id=os.getpid(), workspace_folders=[folder])
    )
    client.initialized(types.InitializedParams())
    try:
        yield editor
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        async with asyncio.timeout(PATIENCE):
            status = await process.wait()
        await client.stop()
    assert status == 0
