"""Golden texts: each directory of ``tests/failing_metadata`` is laid over a small site, and what is said is exactly ``expected.txt``.

``<top>`` in the files stands for the site's directory. ``HBAKE_UPDATE_GOLDEN=1`` writes the texts anew, to be read before they
are committed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from metadata_site import Site

from hadronbake.diagnostics import HadronbakeError

DIRECTORY = Path(__file__).parents[1] / "failing_metadata"
CASES = sorted(path for path in DIRECTORY.iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_text(case: Path, site: Site) -> None:
    for path in case.rglob("*"):
        if path.is_file() and path.name != "expected.txt":
            site.write(str(path.relative_to(case)), path.read_text().replace("<top>", str(site.top)))
    with pytest.raises(HadronbakeError) as caught:
        site.open(processes=1)
    text = str(caught.value).replace(str(site.top), "<top>") + "\n"
    assert caught.value.diagnostics
    # Carets and margins are as wide as the paths beside them are long: only the texts are compared.
    text = re.sub(r"pytest-of-\w+/\S+", "…", text)
    expected = case / "expected.txt"
    if os.environ.get("HBAKE_UPDATE_GOLDEN"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
