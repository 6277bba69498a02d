"""Every example of the language manual says what the engine does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from examples import Example, examples, run

MANUAL = Path(__file__).parent.parent.parent / "docs" / "language"
PAGES = sorted(MANUAL.glob("*.md"))
EXAMPLES = [example for page in PAGES for example in examples(page)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda item: item.name)
def test_example(example: Example, tmp_path: Path) -> None:
    run(example, tmp_path)


def test_a_wrong_page_is_found(tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    for result in ('```values\nA = "2"\n```', "```error\nHBL104 example_1.0.bb:1 no\n```", "```tasks\ndo_build:\n```"):
        page.write_text(f'```bitbake\nA = "1"\n```\n{result}\n')
        (example,) = examples(page)
        with pytest.raises(AssertionError):
            run(example, tmp_path / str(len(result)))
    page.write_text('```bitbake\nA = "1"\n```\n')
    with pytest.raises(AssertionError, match="expects nothing"):
        examples(page)


def test_chapters_are_listed_and_links_lead_somewhere() -> None:
    index = (MANUAL / "README.md").read_text()
    listed = re.findall(r"\]\(([\w-]+\.md)\)", index)
    assert sorted(listed) == sorted(page.name for page in PAGES if page.name != "README.md")
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
