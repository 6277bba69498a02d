"""Every code of an error or warning is shown somewhere in the tests with its exact text, and explained in docs/errors.md."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = re.compile(r"HB[A-Z]\d{3}")
# As rendered: what follows is the message.
SHOWN = re.compile(r"(?:error|warning)\[(HB[A-Z]\d{3})\]: ")


@cache
def used() -> dict[str, str]:
    """Code → a module that makes such a diagnostic. The rules of lint (HBW) have a document and examples of their own."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "hadronbake").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                if node.value.startswith("HBW"):
                    continue
                found.setdefault(node.value, str(path.relative_to(ROOT)))
    return found


@cache
def texts() -> list[str]:
    """Golden texts, and texts that tests compare with; "…" stands for what a test fills in."""
    found = [path.read_text() for path in sorted((ROOT / "tests").rglob("expected.txt"))]
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path == Path(__file__):
            continue
        inner: set[ast.AST] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                inner.update(node.values)
                found.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inner:
                found.append(node.value)
    return found


def shown() -> set[str]:
    return {code for text in texts() for code in SHOWN.findall(text)}


def example(code: str) -> str:
    """The shortest text with this code that shows a line of source, else the shortest."""
    blocks = []
    for text in texts():
        for match in re.finditer(
            rf"(?:error|warning)\[{code}\]: .*(?:\n(?!(?:error|warning)\[|exit status|\$ ).+)*", text, re.M
        ):
            blocks.append(match[0].replace("<top>/", ""))
    return min(blocks, key=lambda block: ("^" not in block, "…" in block, len(block), block))


def examples() -> str:
    """docs/error-examples.md."""
    parts = [
        "# An example of each error and warning\n\nMade from the texts that the tests compare with. "
        "What each code means and what to do is in [errors.md](errors.md).\n"
    ]
    for code, meaning, remedy in documented():
        parts.append(f"\n## {code}: {meaning}\n\n```text\n{example(code)}\n```\n\nWhat to do: {remedy}.\n")
    return "".join(parts)


def documented() -> list[tuple[str, str, str]]:
    return re.findall(r"^\| (HB[A-Z]\d{3}) \| (.*) \| (.*) \|$", (ROOT / "docs/errors.md").read_text(), re.M)


def test_codes_are_found_in_the_sources() -> None:
    assert len(used()) > 150


def test_every_code_is_shown_in_a_test() -> None:
    missing = {code: place for code, place in used().items() if code not in shown()}
    assert not missing


def test_every_code_is_documented_once() -> None:
    rows = [code for code, _, _ in documented()]
    assert rows == sorted(set(rows))
    assert set(rows) == used().keys()


def test_the_documentation_says_what_to_do() -> None:
    assert [code for code, meaning, remedy in documented() if len(meaning) < 10 or len(remedy) < 5] == []


def test_the_page_of_examples_is_what_is_tested() -> None:
    """HBAKE_UPDATE_GOLDEN=1 writes it anew."""
    path = ROOT / "docs/error-examples.md"
    if os.environ.get("HBAKE_UPDATE_GOLDEN"):
        path.write_text(examples())
    assert path.read_text() == examples()


def test_there_are_golden_cases() -> None:
    assert len(list((ROOT / "tests").rglob("failing*/*/expected.txt"))) >= 150
