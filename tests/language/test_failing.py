"""Golden texts: each directory ``tests/failing/syntax-*`` has an input file, and what is said about it, exactly.

``HBAKE_UPDATE_GOLDEN=1`` writes the texts anew, to be read before they are committed.
"""

import os
from pathlib import Path

import pytest

from hadronbake.diagnostics import render
from hadronbake.language.parser import parse_file

CASES = sorted((Path(__file__).parents[1] / "failing").glob("syntax-*"))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_text(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    (source,) = Path().glob("input.*")
    text = "\n\n".join(map(render, parse_file(source).diagnostics)) + "\n"
    if os.environ.get("HBAKE_UPDATE_GOLDEN"):
        Path("expected.txt").write_text(text)
    assert text == Path("expected.txt").read_text()


def test_there_are_cases() -> None:
    assert len(CASES) >= 40
