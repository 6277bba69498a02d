"""What ``hbake parse`` says without reading anything is what it would say after reading all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from metadata_site import Site
from test_parsecache import RECIPES

from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata import summary
from hadronbake.metadata.workspace import Workspace


def opened(site: Site) -> Workspace:
    workspace = Workspace.open(site.build, site.environ, summarise=True)
    workspace.close()
    return workspace


@pytest.fixture
def filled(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    # What the tests have written just now is as good as old.
    monkeypatch.setattr(summary, "RACY_NS", 0)
    site.recipes({**RECIPES, "common.inc": 'C = "1"\n', "files/a.txt": "text", "files/tree/x": "x"})
    site.write("core/classes/extra.bbclass", "E = \"1\"\nX := \"${@d.getVar('BB_ORIGENV', False).getVar('SEEN')}\"\n")
    site.recipe("d.bb", 'python () {\n    bb.warn("odd")\n}\n')
    opened(site)
    return site


def test_the_same_is_said(filled: Site) -> None:
    found = summary.known(filled.build, filled.environ)
    again = opened(filled)
    assert found == (again.statistics, again.diagnostics)
    assert found is not None and found[0].cached == 3
    assert [item.message for item in found[1]] == ["odd"]


CHANGES: dict[str, Callable[[Site], object]] = {
    "recipe": lambda site: site.recipe("b.bb", '# x\nBBCLASSEXTEND = "native"\n'),
    "new recipe": lambda site: site.recipe("c.bb"),
    "removed recipe": lambda site: (site.top / "core/recipes/b.bb").unlink(),
    "new append": lambda site: site.recipe("b.bbappend"),
    "include": lambda site: site.recipe("common.inc", 'C = "2"\n'),
    "file that was missing": lambda site: site.recipe("maybe.inc"),
    "class": lambda site: site.write("core/classes/extra.bbclass", 'E = "2"\n'),
    "class of the configuration": lambda site: site.write("core/classes/base.bbclass", ""),
    "nearer class": lambda site: site.write("core/classes-recipe/extra.bbclass", ""),
    "local file": lambda site: site.recipe("files/a.txt", "TEXT"),
    "configuration that was missing": lambda site: site.write("build/conf/local.conf", 'NEW = "1"\n'),
    "layer": lambda site: site.layer("more", 6),
    "environment": lambda site: site.environ.update(MACHINE="other"),
    "environment that a class asks for": lambda site: site.environ.update(SEEN="1"),
    "cache": lambda site: shutil.rmtree(site.build / "cache/parse"),
    "damage": lambda site: (site.build / "cache/parse/summary").write_bytes(b"no pickle"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_ends_it(filled: Site, change: str) -> None:
    CHANGES[change](filled)
    assert summary.known(filled.build, filled.environ) is None


def test_what_does_not_count(filled: Site) -> None:
    filled.environ["UNRELATED"] = "1"
    text = (filled.top / "core/recipes/a.bb").read_text()
    filled.recipe("a.bb", text)
    filled.write("core/README", "")
    assert summary.known(filled.build, filled.environ) is not None


def test_a_copy_of_the_build_directory_is_another_one(filled: Site) -> None:
    copy = filled.top / "copy"
    shutil.copytree(filled.build, copy)
    assert summary.known(copy, filled.environ) is None


def test_nothing_is_kept_of_what_is_wrong(filled: Site) -> None:
    filled.recipe("b.bb", "inherit nothing-of-that-name\n")
    with pytest.raises(HadronbakeError):
        opened(filled)
    assert summary.known(filled.build, filled.environ) is None


def test_a_directory_that_may_change_within_the_tick(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "RACY_NS", 10**18)
    (filled.build / "cache/parse/summary").unlink()
    opened(filled)
    assert summary.known(filled.build, filled.environ) is None


def test_a_cache_that_cannot_be_written(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    (filled.build / "cache/parse/summary").unlink()
    opened(filled)
    assert summary.known(filled.build, filled.environ) is None
