"""One editor session over the protocol, from initialize to exit."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from lsprotocol import types
from metadata_site import Site
from session import PATIENCE, Editor, editing

RECIPE = """\
SUMMARY = "A thing 🦊 for tests"
DEPENDS = "zlib"
inherit tool
require thing.inc

GREETING = "hello ${WORLD}"
GREETING:append = " and 🦊 ${PV}"
SRC_URI = "file://thing.patch"
RDEPENDS:${PN} = "zlib"

do_install() {
    echo ${GREETING}
    tool_run
}

python do_check() {
    value = d.getVar("GREETING")
}
"""


def make(site: Site) -> Path:
    site.recipe("zlib_1.3.bb", 'SUMMARY = "A library"\nBBCLASSEXTEND = "native"\n')
    site.write("core/recipes/thing.inc", '# What all things have.\nWORLD = "world"\n')
    site.write("core/recipes/files/thing.patch", "--- a\n+++ b\n")
    site.write("core/classes/tool.bbclass", '# Runs the tool.\n\ntool_run() {\n    :\n}\nTOOL_FLAGS ?= "-v"\n')
    return site.recipe("thing_2.0.bb", RECIPE)


def test_a_session(site: Site) -> None:
    asyncio.run(session(site, make(site)))


async def session(site: Site, path: Path) -> None:
    async with editing(site.top, site.environ) as editor:
        uri = editor.open(path)
        await editor.codes(uri)
        await editor.until(lambda: types.WORKSPACE_DID_CHANGE_WATCHED_FILES in editor.messages)

        text = await shown(editor, uri, "hello world and 🦊 2.0")
        assert "unexpanded: `hello ${WORLD} and 🦊 ${PV}`" in text
        assert "`=` `hello ${WORLD}` — [thing_2.0.bb:6](" in text
        assert "2.0" in await editor.hover(uri, "🦊 ${PV}", "${P")
        assert (await editor.hover(uri, "DEPENDS = ", "zl")).startswith("**zlib** 1.3 — A library")
        assert "Runs the tool." in await editor.hover(uri, "inherit", "inherit to")
        assert "shell function, [tool.bbclass:3]" in await editor.hover(uri, "tool_run", "tool_")
        assert "Adds the text at the end" in await editor.hover(uri, "GREETING:append", "app")

        assert await editor.definition(uri, "hello ${", "WORL") == ("thing.inc", 2)
        assert await editor.definition(uri, "getVar", "GREE") == ("thing_2.0.bb", 7)
        assert await editor.definition(uri, "inherit", "inherit t") == ("tool.bbclass", 1)
        assert await editor.definition(uri, "require", "thing") == ("thing.inc", 1)
        assert await editor.definition(uri, "tool_run", "tool_") == ("tool.bbclass", 3)
        assert await editor.definition(uri, "SRC_URI", "file://th") == ("thing.patch", 1)
        assert await editor.definition(uri, "RDEPENDS", '"zl') == ("zlib_1.3.bb", 1)

        context = types.ReferenceContext(include_declaration=True)
        found = await editor.client.text_document_references_async(
            types.ReferenceParams(context=context, **editor.at(uri, "GREETING = ", "GREET"))
        )
        assert [(Path(i.uri).name, i.range.start.line + 1, i.range.start.character) for i in found or ()] == [
            ("thing_2.0.bb", 6, 0),
            ("thing_2.0.bb", 7, 0),
            ("thing_2.0.bb", 12, 11),
            ("thing_2.0.bb", 17, 22),
        ]
        document = types.TextDocumentIdentifier(uri)
        symbols = await editor.client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
        assert [item.name for item in symbols or ()] == [
            *("SUMMARY", "DEPENDS", "tool", "thing.inc", "GREETING", "GREETING:append", "SRC_URI", "RDEPENDS:${PN}"),
            *("do_install", "do_check"),
        ]
        recipes = await editor.client.workspace_symbol_async(types.WorkspaceSymbolParams("zl"))
        assert [item.name for item in recipes or ()] == ["zlib 1.3"]

        # An error that is not saved, and its end.
        editor.change(uri, RECIPE + 'BAD = "no end\n')
        (finding,) = await editor.codes(uri, "HBL104")
        assert finding.range.start.line == 18 and finding.source == "hbake"
        editor.change(uri, RECIPE + "python () {\n    if d.getVar('GREETING')\n        pass\n}\n")
        (finding,) = await editor.codes(uri, "HBD107")
        assert finding.range.start.line == 19
        assert "hello world" in await editor.hover(uri, "GREETING = ", "GREET")

        # Completion in the middle of writing.
        editor.change(
            uri,
            RECIPE
            + 'inherit to\nDEPENDS += "zl\nX = "${GREE\ndo_install[vard\nFILES:\nY = "🦊${@d.getVar(\'WOR\ndo_com\n',
        )
        assert "Runs the tool." in str(
            (await editor.completion(uri, "inherit to\n"[:-1], "inherit to"))["tool"].documentation
        )
        assert {"zlib", "zlib-native"} <= set(await editor.completion(uri, 'DEPENDS += "zl', "zl"))
        greeting = (await editor.completion(uri, 'X = "${GREE', "${GREE"))["GREETING"]
        assert isinstance(greeting.text_edit, types.TextEdit)
        assert greeting.text_edit.range.start.character == 7 and greeting.detail == "hello world and 🦊 2.0"
        assert "vardeps" in await editor.completion(uri, "do_install[vard", "vard")
        assert {"append", "${PN}", "class-native"} <= set(await editor.completion(uri, "FILES:", "FILES:"))
        world = (await editor.completion(uri, "getVar('WOR", "WOR"))["WORLD"]
        assert isinstance(world.text_edit, types.TextEdit) and world.text_edit.range.start.character == 20
        compile_task = (await editor.completion(uri, "do_com", "do_com"))["do_compile"]
        assert compile_task.text_edit is not None and compile_task.text_edit.new_text == "do_compile() {\n    $0\n}"

        # An error that only evaluation finds comes with saving, at the place it belongs to; mended, it goes.
        editor.change(uri, RECIPE.replace("inherit tool", "inherit toool"))
        editor.save(uri)
        (finding,) = await editor.codes(uri, "HBD106")
        assert finding.range.start.line == 2 and finding.message.endswith("hint: did you mean tool?")
        editor.change(uri, RECIPE.replace("hello", "goodbye"))
        editor.save(uri)
        await editor.codes(uri)
        await shown(editor, uri, "goodbye world")

        # Formatting is that of hbake fmt.
        editor.change(uri, 'A="1"\nB = "2"\n')
        options = types.FormattingOptions(tab_size=4, insert_spaces=True)
        (edit,) = (
            await editor.client.text_document_formatting_async(types.DocumentFormattingParams(document, options)) or ()
        )
        assert edit.new_text == 'A = "1"\nB = "2"\n'

        # What lint says of the text, and what can be done about it.
        editor.change(uri, 'inherit tool\nA:apend = "x" \n')
        (override, blanks) = sorted(await editor.codes(uri, "HBL205", "HBW101"), key=lambda item: str(item.code))
        for finding, title, text in (
            (override, "Replace apend by append", "append"),
            (blanks, "Silence HBW101 here", "# hbake"),
        ):
            actions = await editor.client.text_document_code_action_async(
                types.CodeActionParams(document, finding.range, types.CodeActionContext([finding]))
            )
            (action,) = actions or ()
            assert isinstance(action, types.CodeAction) and action.title == title and action.edit is not None
            assert action.edit.changes is not None and action.edit.changes[uri][0].new_text.startswith(text)


def test_python_code_that_hangs_or_ends_the_process_harms_nothing(site: Site) -> None:
    asyncio.run(hostile(site, make(site)))


async def hostile(site: Site, path: Path) -> None:
    async with editing(site.top, site.environ) as editor:
        uri = editor.open(path)
        await shown(editor, uri, "hello world")
        editor.change(uri, RECIPE + "python() {\n    while True:\n        pass\n}\n")
        editor.save(uri)
        assert "hello world" in await editor.hover(uri, "GREETING = ", "GREET")
        editor.change(uri, RECIPE + "python() {\n    os.kill(os.getpid(), 9)\n}\n")
        editor.save(uri)
        configuration = (site.build / "conf/bblayers.conf").as_uri()
        (finding,) = await editor.codes(configuration, "HBC190")
        assert finding.message.startswith("the process that reads the metadata ended")
        assert "hello world" in await editor.hover(uri, "GREETING = ", "GREET")
        # A broken configuration too: what was known stays, until it is mended.
        bitbake_conf = editor.open(site.top / "core/conf/bitbake.conf")
        editor.change(bitbake_conf, editor.texts[bitbake_conf] + "require nowhere.conf\n")
        editor.save(bitbake_conf)
        await editor.codes(bitbake_conf, "HBD103")
        assert "hello world" in await editor.hover(uri, "GREETING = ", "GREET")
        editor.change(bitbake_conf, editor.texts[bitbake_conf].replace("require nowhere.conf\n", ""))
        editor.save(bitbake_conf)
        editor.change(uri, RECIPE.replace("hello", "goodbye"))
        editor.save(uri)
        await editor.codes(configuration)
        await shown(editor, uri, "goodbye world")
        await editor.codes(bitbake_conf)


def test_a_layer_without_a_build_directory(site: Site) -> None:
    asyncio.run(alone(site, make(site)))


async def alone(site: Site, path: Path) -> None:
    shutil.rmtree(site.build)
    async with editing(site.top, {**site.environ, "HB_CACHE": str(site.top / "cache")}) as editor:
        uri = editor.open(path)
        await shown(editor, uri, "hello world")
        assert await editor.definition(uri, "RDEPENDS", '"zl') == ("zlib_1.3.bb", 1)


async def shown(editor: Editor, uri: str, text: str) -> str:
    """The hover of GREETING, when it holds a text. The first answers may be those of the text alone, or of the last reading."""
    async with asyncio.timeout(PATIENCE):
        while text not in (found := await editor.hover(uri, "GREETING = ", "GREET")):
            await asyncio.sleep(0.2)
    return found
