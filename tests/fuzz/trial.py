"""What must be so for any input: nothing raised but the engine's own errors, what was read can be written and read again, what
is evaluated is the same in a copy."""

from __future__ import annotations

import contextlib
import io
import pickle
import re
import warnings
from typing import Any

from printing import placeless, printed

from hadronbake.authoring.formatting import format_text
from hadronbake.datastore import evaluator
from hadronbake.datastore.emit import emit_environment_to
from hadronbake.datastore.errors import SkipRecipe, logger
from hadronbake.datastore.evaluator import evaluate
from hadronbake.datastore.keys import expand_keys
from hadronbake.datastore.shellcode import shell_references
from hadronbake.datastore.signatures import Analysis
from hadronbake.datastore.store import DataStore
from hadronbake.diagnostics import HadronbakeError, Location, Severity, render
from hadronbake.language import parser
from hadronbake.language.lines import LogicalLine
from hadronbake.language.parser import parse_bytes, parse_text
from hadronbake.language.statements import Function, ParsedFile

# Python code that acts on the machine is read, but not run.
ACTS = re.compile(
    rb"\bos\b(?!\.path)|open|exec|process|exit|import|input|oe\.|sleep|rm|bb\.(?!utils\.(contains|filter|to_bool|vercmp))"
)
_ALLOWED = (HadronbakeError, SkipRecipe)


def try_input(data: bytes, kind: Any, with_evaluation: bool) -> str:
    """Raises for what must not be; gives a word for the statistics."""
    path = "/fuzz/input.conf" if kind == "conf" else "/fuzz/input.bb"
    parsed = parse_bytes(data, path, kind)
    assert_same_by_grammar(data.decode("utf-8", "replace"), parsed)
    for item in parsed.diagnostics:
        text = render(item)
        assert item.location is not None, text
        assert item.location.line <= data.count(b"\n") + data.count(b"\r") + 1, text
        assert "\x1b" not in text
        assert "\0" not in text
    wrong_before = any(item.severity is Severity.ERROR for item in parsed.diagnostics)
    for before, after in zip(parsed.statements, parsed.statements[1:], strict=False):
        assert before.location.line + before.lines <= after.location.line, (before, after)
    again = parse_bytes(printed(parsed.statements).encode("utf-8", "surrogatepass"), path, kind)
    wrong = [item for item in again.diagnostics if item.severity is Severity.ERROR]
    # Characters that are wrong in themselves are wrong again.
    assert all(item.code in ("HBL003", "HBL002", "HBL005") for item in wrong), render(wrong[0])
    assert placeless(parsed.statements) == placeless(again.statements)
    for statement in parsed.statements:
        if isinstance(statement, Function) and not statement.python:
            shell_references(statement.body)
    if not wrong_before or len(data) % 8 == 0:
        # That it refuses what is wrong need not be seen each time.
        assert_formats(data.decode("utf-8", "replace"), parsed)
    if not with_evaluation or ACTS.search(data):
        return "wrong" if parsed.diagnostics else "read"
    # What Python and the metadata say of it is of no use here.
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return try_evaluation(parsed)
    finally:
        logger.disabled = False


class _ByGrammar(parser._Reader):
    """Reads every line by the grammar, none by the short cut for plain lines."""

    def plain(self, line: LogicalLine) -> bool:
        return False


def assert_same_by_grammar(text: str, parsed: ParsedFile) -> None:
    reader = _ByGrammar(text, parsed.path, parsed.kind)
    reader.run()
    assert reader.statements == list(parsed.statements)
    found = [item for item in parsed.diagnostics if item.code != "HBL002"]
    assert sorted(reader.diagnostics, key=lambda item: item.location or Location("")) == found


def assert_formats(text: str, parsed: ParsedFile) -> None:
    """The formatter keeps what is said, or refuses; what it wrote it leaves alone."""
    try:
        once = format_text(text, parsed.path, parsed.kind)
    except HadronbakeError as error:
        assert all(item.severity is Severity.ERROR and item.code != "HBC131" for item in error.diagnostics), error
        assert any(item.severity is Severity.ERROR for item in parsed.diagnostics)
        return
    again = parse_text(once, parsed.path, parsed.kind)
    assert [item.code for item in again.diagnostics if item.severity is Severity.ERROR] == []
    assert placeless(again.statements) == placeless(parsed.statements)
    assert format_text(once, parsed.path, parsed.kind) == once


def try_evaluation(parsed: ParsedFile) -> str:
    evaluator.warnings.clear()
    evaluator._warned.clear()
    d = DataStore()
    for name, value in (("BBPATH", "/fuzz"), ("OVERRIDES", "x:pn-${PN}:y"), ("PN", "input"), ("BBLAYERS", "/fuzz")):
        d.setVar(name, value)
    outcome = "evaluated"
    try:
        evaluate(parsed, d)
        expand_keys(d)
    except _ALLOWED as error:
        outcome = "refused"
        assert str(error) or not isinstance(error, HadronbakeError)
    assert not evaluator._stack
    values = values_of(d)
    copy = d.createCopy()
    assert values_of(copy) == values
    assert values_of(pickle.loads(pickle.dumps(d))) == values
    try:
        analysis = Analysis(d)
        for name in values:
            analysis.dependencies(name)
    except _ALLOWED:
        outcome += ", not analysed"
    with contextlib.suppress(*_ALLOWED):
        emit_environment_to(io.StringIO(), d, all=True)
    copy.setVar("PN", "other")
    for name in list(values)[:5]:
        copy.delVar(name)
    assert values_of(d) == values
    return outcome


def values_of(d: DataStore) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        names = sorted(d)
    except _ALLOWED as error:
        # OVERRIDES itself may be beyond evaluation.
        return {"error": type(error).__name__}
    for name in names:
        if name == "__depends":
            continue
        try:
            # An object shows its address, which is another one in a copy.
            found[name] = re.sub(r" at 0x\w+", "", repr((d.getVar(name), d.getVarFlags(name))))
        except _ALLOWED as error:
            found[name] = type(error).__name__
            render(error.diagnostics[0]) if isinstance(error, HadronbakeError) and error.diagnostics else None
    return found
