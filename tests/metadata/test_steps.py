"""Calls of ``hb`` in the metadata's Python make the sources behind them part of the hash."""

from __future__ import annotations

from pathlib import Path

import pytest
from metadata_site import Site

from hadronbake.metadata import steps

RECIPE = """\
python do_one() {
    hb.one.run(d)
}
addtask one
python do_image() {
    hb.rootfs.run(d)
}
addtask image
ONE = "1"
TWO = "2"
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    top = tmp_path / "hadronbake"
    for name, text in {
        "steps/__init__.py": "",
        "steps/one.py": "from hadronbake.steps import two\nfrom hadronbake.diagnostics import Location\n\n"
        "def run(d):\n    two.go(d)\n    d.getVar('ONE')\n",
        "steps/two.py": "import hadronbake.artifacts.tree\n\ndef go(d):\n    d.getVar('TWO')\n",
        "images/rootfs.py": "from hadronbake.steps import two\n\ndef run(d):\n    two.go(d)\n",
        "steps/other.py": "def run(d):\n    pass\n",
        "artifacts/__init__.py": "",
        "artifacts/tree.py": "from .digest import sha\n",
        "artifacts/digest.py": "def sha():\n    pass\n",
        "diagnostics.py": "",
    }.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(steps, "PACKAGE", top)
    return top


def test_sources_are_followed(package: Path) -> None:
    found = [str(path.relative_to(package)) for path in steps.source_files(package / "steps/one.py")]
    assert found == [
        "steps/one.py",
        "artifacts/digest.py",
        "artifacts/tree.py",
        "steps/__init__.py",
        "steps/two.py",
    ]


@pytest.mark.parametrize(
    ("name", "added", "changes"),
    [
        ("artifacts/digest.py", "\nMORE = 1\n", True),
        ("artifacts/digest.py", "# only said\n", False),
        ("steps/other.py", "MORE = 1\n", False),
        ("diagnostics.py", "MORE = 1\n", False),
    ],
)
def test_a_change_of_code_changes_the_hash(package: Path, site: Site, name: str, added: str, changes: bool) -> None:
    path = str(site.recipe("thing.bb", RECIPE))
    before = site.open()
    names = before.inputs(path).tasks["do_one"]
    assert {"hb.rootfs.run", "TWO"} <= set(before.inputs(path).tasks["do_image"])
    assert {"hb.one.run", "ONE", "TWO"} <= set(names)
    assert set(before.payload(path, "do_one").variables) == {"ONE", "TWO"}
    (package / name).write_text((package / name).read_text() + added)
    # Another engine: nothing in the cache counts.
    site.write("build/conf/local.conf", "# changed\n")
    after = site.open()
    assert (after.recipes[path].tasks["do_one"].basehash != before.recipes[path].tasks["do_one"].basehash) is changes


def test_what_counts_of_a_source() -> None:
    source = '"""Module."""\nX = "# no comment"  # one\n\n\ndef run(d):\n    """Does it.\n\n    Well."""\n    return """a\n\n# b"""\n'
    assert steps.code_of(source) == 'X = "# no comment"\ndef run(d):\n    return """a\n\n# b"""'
