"""Long runs of one thing wherever they can stand: time in proportion to them, not to their square."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial

import pytest

from hadronbake.authoring.shelltext import masked
from hadronbake.datastore.errors import ExpansionError
from hadronbake.datastore.references import python_references, text_references
from hadronbake.datastore.shellcode import shell_references
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError
from hadronbake.fetching.uri import parse_uri
from hadronbake.language.parser import parse_text
from hadronbake.language.statements import FileKind

PIECES = (
    " ", "\t", '"', "'", "\\", "${", "{", "}", "${@", "(", ")", "[", "]", "a", "a ", "A ", "0", "=", "#", ";", ";a=b", "&", "/", "$",
    "$(", "`", "|", "<", "<<E\n", "\n", "\n ", "\\\n", "a=", 'a="', "a:", "do_x ", "!", "-", "%", "*", "?", "~", "python ", "fakeroot ",
    "export ", "a,", "$((", "case x in ", "if ", "x)", "\0", "é", "${A", "}}", "@",
)  # fmt: skip
FRAMES = (
    "{}", 'A = "{}', 'A{} = "1"', 'A[{}] = "1"', '{} x = "1"', 'A {}= "1"', "do_x() {{\n{}\n}}\n", "inherit {}", "python {}() {{",
    "def x({}):", "{}!", "addtask {}", "export {}", "A = '{}' x",
)  # fmt: skip


def parse(kind: FileKind, frame: str, text: str) -> None:
    parse_text(frame.format(text), "x", kind)


def expand(text: str) -> None:
    d = DataStore()
    d.setVar("A", text)
    with contextlib.suppress(ExpansionError):
        d.getVar("A")


def name(text: str) -> None:
    d = DataStore()
    d.setVar("OVERRIDES", "x:a")
    d.setVar("A" + text, "1")
    d.getVar("A")
    d.getVar("A" + text)


def python(text: str) -> None:
    with contextlib.suppress(SyntaxError):
        python_references(text)


def uri(text: str) -> None:
    for frame in ("{}", "http://{}", "file://{}", "git://a/b;{}", "http://a@{}"):
        with contextlib.suppress(HadronbakeError):
            parse_uri(frame.format(text))


READERS: dict[str, list[Callable[[str], object]]] = {
    "recipe": [partial(parse, "recipe", frame) for frame in FRAMES],
    "configuration": [partial(parse, "conf", frame) for frame in FRAMES],
    "shell": [shell_references],
    "lint of shell": [masked],
    "value": [expand, text_references],
    "name": [name],
    "python": [python],
    "uri": [uri],
}


@pytest.mark.parametrize("what", READERS)
def test_runs(what: str) -> None:
    for read in READERS[what]:
        for piece in PIECES:
            before = time.process_time()
            read(piece * (10_000 // len(piece)))
            assert time.process_time() - before < 0.5, (read, piece)
