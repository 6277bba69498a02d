"""The parse cache is right after any change, and does nothing when nothing changed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from metadata_site import Site

from hadronbake.datastore.references import python_references
from hadronbake.metadata.parsecache import Looked, ParseCache, engine_digest

RECIPES = {
    "a.bb": 'inherit extra\nrequire common.inc\ninclude maybe.inc\nSRC_URI = "file://a.txt file://tree"\n',
    "b.bb": 'BBCLASSEXTEND = "native"\n',
}


@pytest.fixture
def filled(site: Site) -> Site:
    site.recipes({**RECIPES, "common.inc": 'C = "1"\n', "files/a.txt": "text", "files/tree/x": "x"})
    site.write("core/classes/extra.bbclass", 'E = "1"\n')
    site.open().close()
    return site


def parsed(site: Site) -> int:
    workspace = site.open()
    workspace.close()
    return workspace.statistics.parsed


def test_nothing_is_parsed_again(filled: Site) -> None:
    workspace = filled.open()
    assert (workspace.statistics.parsed, workspace.statistics.cached, workspace.statistics.targets) == (0, 2, 3)
    path = str(filled.top / "core/recipes/a.bb")
    assert (
        workspace.recipes[path].tasks["do_compile"].basehash == filled.open().recipes[path].tasks["do_compile"].basehash
    )


CHANGES: dict[str, tuple[Callable[[Site], object], int]] = {
    "recipe": (lambda site: site.recipe("b.bb", '# x\nBBCLASSEXTEND = "native"\n'), 1),
    "include": (lambda site: site.recipe("common.inc", 'C = "2"\n'), 1),
    "class": (lambda site: site.write("core/classes/extra.bbclass", 'E = "2"\n'), 1),
    "class of every recipe": (lambda site: site.write("core/classes/native.bbclass", "\n"), 1),
    "file that was missing": (lambda site: site.recipe("maybe.inc", ""), 1),
    "nearer place": (lambda site: site.write("core/classes-recipe/extra.bbclass", ""), 1),
    "local file": (lambda site: site.recipe("files/a.txt", "TEXT"), 1),
    "nearer local file": (lambda site: site.recipe("a-1.0/a.txt", "text"), 1),
    "file in a tree": (lambda site: site.recipe("files/tree/x", "y"), 1),
    "new file in a tree": (lambda site: site.recipe("files/tree/z", "z"), 1),
    "new append": (lambda site: site.recipe("a.bbappend", ""), 1),
    "configuration": (lambda site: site.write("build/conf/local.conf", 'NEW = "1"\n'), 2),
    "base class": (
        lambda site: site.write(
            "core/classes/base.bbclass", (site.top / "core/classes/base.bbclass").read_text() + "# x\n"
        ),
        2,
    ),
    "environment": (lambda site: site.environ.update(MACHINE="toaster"), 2),
    "new recipe": (lambda site: site.recipe("c.bb", ""), 1),
    "removed recipe": (lambda site: (site.top / "core/recipes/b.bb").unlink(), 0),
    "touched, same content": (lambda site: os.utime(site.top / "core/recipes/common.inc"), 0),
    "unrelated file": (lambda site: site.recipe("unrelated.inc", ""), 0),
    "unrelated environment": (lambda site: site.environ.update(TERM="x"), 0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_makes_stale(filled: Site, name: str) -> None:
    change, expected = CHANGES[name]
    change(filled)
    assert parsed(filled) == expected
    assert parsed(filled) == 0


def test_a_change_that_keeps_size_and_time_is_seen(filled: Site) -> None:
    path = filled.top / "core/recipes/common.inc"
    before = path.stat()
    path.write_text('C = "9"\n')
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert parsed(filled) == 1


def test_a_file_changed_in_the_tick_of_the_parse_is_told_by_content(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("1")
    info = path.stat()
    state = (info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino)
    recent = Looked.at(str(path), state, max(info.st_mtime_ns, info.st_ctime_ns) + 1)
    assert recent.state is None
    assert recent.holds()
    path.write_text("2")
    assert not recent.holds()


def test_original_environment_counts_when_read(site: Site) -> None:
    site.recipe("a.bb", "A := \"${@d.getVar('BB_ORIGENV', False).getVar('EDITOR')}\"\n")
    site.recipe("b.bb", "")
    assert parsed(site) == 2
    site.environ["EDITOR"] = "ed"
    assert parsed(site) == 1


def test_failed_recipes_are_not_kept_but_the_others_are(filled: Site) -> None:
    filled.recipe("bad.bb", "A = 1\n")
    for _ in range(2):
        with pytest.raises(Exception, match=r"bad\.bb"):
            filled.open()
    (filled.top / "core/recipes/bad.bb").unlink()
    assert parsed(filled) == 0


@pytest.mark.parametrize("kind", ["garbage", "truncated", "directory"])
def test_a_broken_cache_is_made_anew_with_a_line(filled: Site, kind: str) -> None:
    database = filled.build / "cache/parse/cache.db"
    if kind == "garbage":
        database.write_bytes(b"no database" * 1000)
    elif kind == "truncated":
        os.truncate(database, database.stat().st_size // 2)
    else:
        database.unlink()
        database.mkdir()
    for name in ("cache.db-wal", "cache.db-shm"):
        (filled.build / "cache/parse" / name).unlink(missing_ok=True)
    filled.said.clear()
    assert parsed(filled) == 2
    assert len(filled.said) == 1
    assert "made anew" in filled.said[0]
    assert parsed(filled) == 0


def test_where_nothing_can_be_written_all_is_read_and_nothing_kept(
    filled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = filled.top / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    shutil.rmtree(filled.build / "cache")
    (filled.build / "cache").write_text("in the way, as a read-only directory would be")
    filled.said.clear()
    assert parsed(filled) == 2
    assert len(filled.said) == 1
    assert f"the parse cache {filled.build}/cache/parse can't be written (" in filled.said[0]
    assert filled.said[0].endswith("): nothing of it is kept")
    assert list(elsewhere.iterdir()) == []


def test_many_recipes_in_several_processes(site: Site) -> None:
    for number in range(60):
        site.recipe(f"r{number}.bb", f'CFLAGS = "{number}"\n' + ("A = 1\n" if number in (7, 50) else ""))
    with pytest.raises(Exception) as caught:
        site.open(processes=3)
    text = str(caught.value)
    assert ("r7.bb:2" in text, "r50.bb:2" in text) == (True, True)
    for number in (7, 50):
        site.recipe(f"r{number}.bb", f'CFLAGS = "{number}"\n')
    many = site.open(processes=3)
    assert (many.statistics.parsed, many.statistics.cached) == (2, 58)
    few = {key: recipe.tasks["do_compile"].basehash for key, recipe in many.recipes.items()}
    site.write("build/conf/local.conf", "# all anew\n")
    alone = site.open(processes=1)
    assert alone.statistics.parsed == 60
    assert {key: recipe.tasks["do_compile"].basehash for key, recipe in alone.recipes.items()} == few


SCRIPT = """
import os, sys, time
from pathlib import Path
from hadronbake.metadata.workspace import Workspace
print("begin", flush=True)
Workspace.open(Path(sys.argv[1]), {}, progress=lambda done, of: print(done, flush=True), processes=3)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_no_process_and_a_good_cache(site: Site, number: signal.Signals) -> None:
    for index in range(40):
        site.recipe(f"r{index}.bb", "python () {\n    import time\n    time.sleep(0.05)\n}\n")
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(site.build)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    process.stdout.readline()
    process.send_signal(number)
    process.wait(120)
    for _ in range(1200):
        left = subprocess.run(
            ["ps", "-o", "pid=", "-s", str(process.pid)], capture_output=True, text=True
        ).stdout.split()
        if not left:
            break
        time.sleep(0.05)
    assert left == []
    assert site.open(processes=3).statistics.targets == 40


def test_a_few_changes_are_kept_beside_the_table(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(*_: object) -> None:
        raise AssertionError("the whole table is written")

    with monkeypatch.context() as patch:
        patch.setattr("hadronbake.metadata.parsecache.ParseCache.save", whole)
        for number in range(3):
            filled.recipe("b.bb", f'BBCLASSEXTEND = "native"\nSUMMARY = "{number}"\n')
            assert [parsed(filled), parsed(filled)] == [1, 0]
            filled.recipe("a.bb", f'SUMMARY = "{number}"\n')
            assert [parsed(filled), parsed(filled)] == [1, 0]
        # What the table holds is right again.
        filled.recipe("b.bb", RECIPES["b.bb"])
        assert parsed(filled) == 0
    filled.recipe("b.bb", 'BBCLASSEXTEND = "native"\nSUMMARY = "2"\n')
    workspace = filled.open()
    assert workspace.statistics.targets == 3
    workspace.close()
    (filled.top / "core/recipes/b.bb").unlink()
    assert parsed(filled) == 0
    assert [recipe.pn for recipe in filled.open().recipes.values()] == ["a"]


def test_many_changes_become_the_table(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hadronbake.metadata.parsecache._MOST_CHANGES", 2)
    site.recipes({f"r{number}.bb": "" for number in range(4)})
    assert parsed(site) == 4
    for number in range(4):
        site.recipe(f"r{number}.bb", 'SUMMARY = "new"\n')
        assert [parsed(site), parsed(site)] == [1, 0]


def test_what_code_refers_to_is_kept(filled: Site) -> None:
    python_references.cache_clear()
    filled.recipe("b.bb", "do_compile() {\n    echo ${@d.getVar('PN').upper()}\n}\n")
    parsed(filled)
    cache = ParseCache(filled.build / "cache/parse", filled.said.append)
    kept = cache.load_references()
    assert any(key[:2] == ("code", "d.getVar('PN').upper()") for key in kept if isinstance(key, tuple))
    cache.save_references(dict.fromkeys(range(9000), 1))
    assert cache.load_references() == kept
    cache._set("references", (engine_digest(), b"damaged"))
    assert cache.load_references() == {}
    cache.close()
