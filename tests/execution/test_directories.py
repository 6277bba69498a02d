"""Work directories, deployed files, host tools, history, scripts: what is on the disk around a build."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hadronbake.artifacts.record import RecordedInput
from hadronbake.artifacts.store import Store
from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution import hosttools, resources, script, trees
from hadronbake.execution.build import jobs_of
from hadronbake.execution.deploy import deploy
from hadronbake.execution.history import History
from hadronbake.execution.process import seconds_of
from hadronbake.execution.sandbox import running_engine
from hadronbake.execution.shell import shell_command
from hadronbake.execution.workdir import WorkDirectory, remove_tree
from hadronbake.execution.worker import tail
from hadronbake.metadata.recipe import FunctionScript, TaskPayload


def test_stamps(tmp_path: Path) -> None:
    work = WorkDirectory(tmp_path, "zlib")
    assert work.stamps() == {}
    work.make()
    assert work.stamps() == {}
    work.began("do_unpack")
    work.done("do_unpack", "hash")
    work.began("do_compile")
    assert WorkDirectory(tmp_path, "zlib").stamps() == {"do_unpack": "hash", "do_compile": None}
    work.remove()
    assert not work.path.exists()
    assert work.stamps() == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_unreadable_stamps_count_as_a_task_that_never_ended(tmp_path: Path, content: bytes) -> None:
    work = WorkDirectory(tmp_path, "zlib")
    work.make()
    (tmp_path / "work/zlib.stamps.json").write_bytes(content)
    assert work.stamps() == {"": None}
    (tmp_path / "work/zlib.stamps.json").unlink()
    assert work.stamps() == {"": None}


def test_trees_without_write_permission_are_removed(tmp_path: Path) -> None:
    inner = tmp_path / "a/b/c"
    inner.mkdir(parents=True)
    (inner / "file").write_text("")
    outside = tmp_path / "outside"
    outside.mkdir()
    (inner / "link").symlink_to(outside)
    for path in (inner, inner.parent, inner.parent.parent):
        path.chmod(0o555)
    remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert outside.is_dir()


def test_a_link_is_removed_and_not_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "kept").is_dir()


def put(store: Store, base: Path, **files: str) -> object:
    for name, content in files.items():
        path = base / "out" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return store.put_tree(base, ["out"]).digest


def test_deploy_replaces_what_it_put_there_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    target, manifests = tmp_path / "deploy", tmp_path / "manifests"
    first = put(store, tmp_path / "1", a="1", sub__b="2")
    assert deploy(store, "x:do_deploy", first, target, manifests)  # type: ignore[arg-type]
    (target / "mine").write_text("mine")
    assert (target / "sub/b").read_text() == "2"
    assert not deploy(store, "x:do_deploy", first, target, manifests)  # type: ignore[arg-type]
    second = put(store, tmp_path / "2", a="3")
    assert deploy(store, "x:do_deploy", second, target, manifests)  # type: ignore[arg-type]
    assert (target / "a").read_text() == "3"
    assert not (target / "sub/b").exists()
    assert (target / "mine").exists()


def test_deploy_notices_a_file_that_was_touched(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    tree = put(store, tmp_path / "1", a="1")
    for damage in (lambda path: path.unlink(), lambda path: path.write_text("other")):
        deploy(store, "x:do_deploy", tree, tmp_path / "deploy", tmp_path / "manifests")  # type: ignore[arg-type]
        damage(tmp_path / "deploy/a")
        assert deploy(store, "x:do_deploy", tree, tmp_path / "deploy", tmp_path / "manifests")  # type: ignore[arg-type]
        assert (tmp_path / "deploy/a").read_text() == "1"


def test_hosttools_are_links_to_real_paths(tmp_path: Path) -> None:
    real = tmp_path / "bin/real"
    real.parent.mkdir()
    real.write_text("#!/bin/sh\n")
    real.chmod(0o755)
    (tmp_path / "bin/tool").symlink_to("real")
    made = hosttools.make(tmp_path / "tools", ["tool"], ["absent"], [str(tmp_path / "bin")])
    assert hosttools.read(made) == {"tool": str(real)}
    inode = made.stat().st_ino
    hosttools.make(tmp_path / "tools", ["tool"], [], [str(tmp_path / "bin")])
    assert made.stat().st_ino == inode


def test_ninja_is_the_one_that_came_with_the_engine() -> None:
    found = hosttools.find(["ninja"], ["/usr/bin"])
    assert Path(found["ninja"]) == Path(sys.executable).with_name("ninja").resolve()


def test_missing_tools_are_all_named_with_their_packages(tmp_path: Path) -> None:
    with pytest.raises(HadronbakeError) as caught:
        hosttools.make(tmp_path / "tools", ["autoreconf", "flex"], ["xorriso"], [str(tmp_path)])
    assert str(caught.value) == (
        "error[HBE010]: tools that the build needs are not on this host: autoreconf flex\n"
        "  = hint: on Debian or Ubuntu: apt-get install autoconf flex"
    )


def test_pressure(tmp_path: Path) -> None:
    path = tmp_path / "io"
    assert resources.full_pressure(path) == 0
    path.write_text("some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=90.25 avg60=0.00 avg300=0.00 total=1\n")
    assert resources.full_pressure(path) == 90.25
    assert resources.hold_reason(tmp_path) == "processes wait for io 90 % of the time"


def variable(name: str, value: str) -> RecordedInput:
    return RecordedInput(kind="variable", name=name, value=value)


def test_history(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.inputs("zlib:do_a") is None
    history.remember("zlib:do_a", "1", "2", [variable("A", "x"), variable("B", "y")])
    history.remember("zlib:do_b", "3", "4", [variable("A", "x")])
    history.ran("zlib:do_a", 1.5, 0.5)
    history.save()
    again = History(tmp_path)
    assert again.inputs("zlib:do_a") == (variable("A", "x"), variable("B", "y"))
    assert again.durations() == {"zlib:do_a": 1.5}
    assert not again.is_new("zlib:do_a", "1", "2")
    assert again.is_new("zlib:do_a", "1", "3")
    again.remember("zlib:do_b", "5", "6", [variable("A", "z")])
    again.save()
    assert History(tmp_path).inputs("zlib:do_b") == (variable("A", "z"),)
    assert History(tmp_path).before("zlib:do_b") == (variable("A", "x"),)
    assert History(tmp_path).before("zlib:do_a") is None
    assert History(tmp_path).inputs("zlib:do_a") == (variable("A", "x"), variable("B", "y"))


def test_a_damaged_history_is_no_history(tmp_path: Path) -> None:
    (tmp_path / "cache/history").mkdir(parents=True)
    (tmp_path / "cache/history/index.json").write_text("{")
    assert History(tmp_path).durations() == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-j 4", 4), ("-j8", 8), ("--jobs=3", 3), ("-l 2 -j 6", 6), ("", None), ("-j", None), ("-j 0", None)],
)
def test_parallel_make(text: str, expected: int | None) -> None:
    assert jobs_of(text) == expected


def test_times_of_the_shell() -> None:
    assert seconds_of("0m0.50s 0m0.25s\n1m2.00s 0m1.25s\n") == 64.0
    assert seconds_of("") == 0


def test_the_script_of_a_task(tmp_path: Path) -> None:
    """Run here without a sandbox, with other paths."""
    functions = (
        FunctionScript(
            "one", "shell", "pwd\n", (str(tmp_path / "b"), str(tmp_path / "a b")), (str(tmp_path / "clean"),)
        ),
        FunctionScript("two", "shell", "exit 3\n", (), ()),
        FunctionScript("three", "shell", "echo never\n", (), ()),
    )
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean/old").write_text("")
    (tmp_path / "task").mkdir()
    argv = script.write(tmp_path / "task", TaskPayload("r", "pn", "do_x", functions, {}, {}, 0o027), running_engine())
    assert argv == ["/bin/sh", "/hb/task/run"]
    run = tmp_path / "task/run"
    run.write_text(run.read_text().replace("/hb/task", str(tmp_path / "task")))
    done = subprocess.run(["/bin/sh", str(run)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == f"{tmp_path / 'a b'}\nhbake: two failed with exit status 3\n"
    assert not list((tmp_path / "clean").iterdir())
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ()
    log.write_bytes(b"\xff\n" * 100000 + b"last")
    assert len(tail(log)) == 30
    assert tail(log)[-1] == "last"


def test_no_sandbox_to_enter(tmp_path: Path) -> None:
    (tmp_path / "logs/zlib").mkdir(parents=True)
    (tmp_path / "logs/zlib/do_compile.sandbox.json").write_text("{}")
    with pytest.raises(HadronbakeError) as caught:
        shell_command(tmp_path, "zlib:compil")
    assert str(caught.value) == (
        f"error[HBE030]: no sandbox of zlib:do_compil in {tmp_path}/logs\n  = hint: did you mean zlib:do_compile?"
    )


def test_linked_trees_stay_while_they_are_used_and_then_the_last_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "_KEPT", 1)
    store = Store(tmp_path / "store")
    linked = trees.LinkedTrees(tmp_path / "build", store)
    places = [linked.input(put(store, tmp_path / str(number), a=str(number))) for number in range(4)]  # type: ignore[arg-type]
    for age, place in enumerate(places):
        os.utime(place, (age, age))
    linked.release(places[:3])
    assert [place.is_dir() for place in places] == [False, False, True, True]
    assert linked.input(put(store, tmp_path / "0")).is_dir()  # type: ignore[arg-type]
    assert (places[0] / "out/a").read_text() == "0"


def test_a_linked_tree_is_deleted_by_one_thread_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads find the same tree unused; the second comes while the first deletes it."""
    monkeypatch.setattr(trees, "_KEPT", 0)
    store = Store(tmp_path / "store")
    linked = trees.LinkedTrees(tmp_path / "build", store)
    place = linked.input(put(store, tmp_path / "0", a="0"))  # type: ignore[arg-type]
    linked.release([place])
    place = linked.input(put(store, tmp_path / "1", a="1"))  # type: ignore[arg-type]
    monkeypatch.setattr(linked, "_children", lambda name: [place] if name == "inputs" else [])
    deleted: list[Path] = []

    def slow(path: Path) -> None:
        deleted.append(path)
        if len(deleted) == 1:
            linked.release([])

    monkeypatch.setattr(trees, "remove_tree", slow)
    linked.release([place])
    assert len(deleted) == 1
