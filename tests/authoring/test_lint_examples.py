"""docs/lint.md has every rule of ``hbake lint`` with its reason, and its examples are what it says."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from hadronbake.authoring.lint import RULES, lint, lint_source
from hadronbake.authoring.rule import FileRule
from hadronbake.authoring.source import Source
from hadronbake.language.parser import KINDS

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/metadata"))

from metadata_site import Site  # noqa: E402

RULE = {rule.code: rule for rule in RULES}


@dataclass(frozen=True)
class Example:
    code: str
    verdict: str
    name: str
    text: str


def examples() -> list[Example]:
    found = []
    for section in (ROOT / "docs/lint.md").read_text().split("\n### ")[1:]:
        for verdict, name, text in re.findall(r"^```\w+ (bad|good) ?(\S*)\n(.*?)^```$", section, re.M | re.S):
            found.append(Example(section[:6], verdict, name or "thing_1.0.bb", text))
    return found


EXAMPLES = examples()


def test_every_rule_is_in_the_document_with_its_reason_and_both_examples() -> None:
    document = (ROOT / "docs/lint.md").read_text()
    assert len(RULE) == len(RULES) >= 40
    for rule in RULES:
        assert f"### {rule.code}: {rule.title}\n" in document
        assert rule.reason in document
    assert sorted((item.code, item.verdict) for item in EXAMPLES) == sorted(
        (code, verdict) for code in RULE for verdict in ("bad", "good")
    )


@pytest.mark.parametrize(
    "example",
    [item for item in EXAMPLES if isinstance(RULE[item.code], FileRule)],
    ids=lambda item: f"{item.code}-{item.verdict}",
)
def test_examples_of_rules_about_files(example: Example) -> None:
    source = Source.of(example.text, f"/layer/{example.name}", KINDS[Path(example.name).suffix])
    codes = {item.code for item in lint_source(source)}
    assert (example.code in codes) == (example.verdict == "bad"), codes


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """All other examples in layers of one build directory, and the codes found by file."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.recipe("thing_1.0.bb", 'SRC_URI = "file://used.patch"\nrequire settings.inc\n')
    site.write("core/recipes/settings.inc", 'A = "1"\n')
    site.write("core/recipes/files/used.patch", "Words.\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    for example in EXAMPLES:
        if not isinstance(RULE[example.code], FileRule):
            site.write(f"core/recipes/{place(example)}", example.text)
    workspace = site.open()
    files = [path for path in (site.top / "core").rglob("*") if path.suffix in KINDS]
    report, diagnostics = lint(files, workspace)
    codes: dict[str, set[str]] = {}
    for item in diagnostics:
        assert item.location is not None
        codes.setdefault(str(Path(item.location.file).relative_to(site.top / "core/recipes")), set()).add(item.code)
    assert len(report.findings) == len(diagnostics)
    json.loads(report.model_dump_json())
    return codes


def place(example: Example) -> str:
    """A name of its own; what must have a certain name gets it."""
    if example.name.endswith((".patch", ".inc")) and (example.verdict == "good" or example.code != "HBW602"):
        return example.name
    directory, slash, name = example.name.rpartition("/")
    return f"{directory}{slash}{example.code.lower()}-{example.verdict}-{name}"


@pytest.mark.parametrize(
    "example",
    [item for item in EXAMPLES if not isinstance(RULE[item.code], FileRule)],
    ids=lambda item: f"{item.code}-{item.verdict}",
)
def test_examples_of_rules_about_recipes_and_layers(found: Mapping[str, set[str]], example: Example) -> None:
    codes = found.get(place(example), set())
    assert (example.code in codes) == (example.verdict == "bad"), codes
