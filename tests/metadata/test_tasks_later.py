"""When many recipe files are new their tasks are worked out when somebody wants them: the same tasks, kept as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from metadata_site import Site

from hadronbake.diagnostics import HadronbakeError
from hadronbake.metadata import workspace as room
from hadronbake.metadata.workspace import Workspace

RECIPES = {
    "a.bb": 'CFLAGS = "-O2"\nSRC_URI = "file://a.txt"\nBBCLASSEXTEND = "native"\n',
    "b.bb": 'CFLAGS = "${@1 / 0}"\n',
}


@pytest.fixture
def many(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(room, "_AT_ONCE", 0)
    site.recipes({**RECIPES, "files/a.txt": "text"})
    return site


def path_of(site: Site, name: str) -> str:
    return str(site.top / "core/recipes" / name)


def hashes(workspace: Workspace, recipe: str) -> dict[str, str]:
    return {name: task.basehash for name, task in workspace.recipes[recipe].tasks.items()}


def test_the_same_tasks(many: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    later = many.open()
    assert later.statistics.later == 3
    own = path_of(many, "a.bb")
    found = {name: later.recipes[name].tasks for name in (own, f"virtual:native:{own}")}
    later.close()
    many.recipe("b.bb", "")
    monkeypatch.setattr(room, "_AT_ONCE", 100)
    many.write("build/conf/local.conf", "# new\n")
    at_once = many.open()
    assert (at_once.statistics.later, at_once.statistics.parsed) == (0, 2)
    for name, tasks in found.items():
        assert dict(tasks) == dict(at_once.recipes[name].tasks)


def test_what_was_wanted_is_kept(many: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    own = path_of(many, "a.bb")
    first = many.open()
    wanted = hashes(first, own)
    first.close()
    again = many.open()
    assert (again.statistics.parsed, again.statistics.later) == (0, 2)

    def refuse(*_: object) -> None:
        raise AssertionError("worked out twice")

    monkeypatch.setattr(room, "work_out", refuse)
    assert hashes(again, own) == wanted


def test_what_was_kept_rests_on_the_local_files_too(many: Site) -> None:
    own = path_of(many, "a.bb")
    first = many.open()
    before = first.recipes[own].tasks["do_fetch"].files
    first.close()
    many.recipe("files/a.txt", "another")
    again = many.open()
    assert again.statistics.parsed == 1
    assert again.recipes[own].tasks["do_fetch"].files != before


def test_an_error_in_a_task_comes_when_it_is_wanted(many: Site) -> None:
    workspace = many.open()
    broken = path_of(many, "b.bb")
    with pytest.raises(HadronbakeError) as caught:
        dict(workspace.recipes[broken].tasks)
    assert "ZeroDivisionError" in str(caught.value)
    assert hashes(workspace, path_of(many, "a.bb"))


def test_all_tasks_find_it_at_once(many: Site) -> None:
    many.open().close()
    with pytest.raises(HadronbakeError) as caught:
        Workspace.open(many.build, many.environ, many.said.append, all_tasks=True)
    assert [item.location.file for item in caught.value.diagnostics if item.location] == [path_of(many, "b.bb")]


def test_a_host_path_is_refused_when_the_task_is_wanted(many: Site) -> None:
    path = Path(path_of(many, "a.bb"))
    path.write_text(f'CFLAGS = "-I{many.top}/core/include"\n')
    workspace = many.open()
    with pytest.raises(HadronbakeError) as caught:
        dict(workspace.recipes[str(path)].tasks)
    assert [item.code for item in caught.value.diagnostics] == ["HBM040"]
