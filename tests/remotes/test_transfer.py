"""Sending and getting without building; and what differs between machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from machines import A, B, Farm
from servers import Contents, http_server, reapi_server

from hadronbake.artifacts.inventory import record_names
from hadronbake.artifacts.signing import Keyring
from hadronbake.artifacts.store import Store
from hadronbake.remotes import settings
from hadronbake.remotes.opening import make
from hadronbake.remotes.reproducibility import unlike
from hadronbake.remotes.store import SharedStore
from hadronbake.remotes.transfer import pull, push

C = "c" * 64


@pytest.fixture(params=["directory", "http", "reapi"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    contents = Contents()
    with ExitStack() as stack:
        if request.param == "directory":
            url = str(tmp_path / "remote")
        else:
            url = stack.enter_context((http_server if request.param == "http" else reapi_server)(contents))
        yield Farm(tmp_path, url, contents)


def nobody(remote: str, number: int) -> None:
    pass


def built(farm: Farm) -> SharedStore:
    """A machine that built two tasks before it knew the remote."""
    alone = farm.machine("builder")
    farm.build(alone, "one", A)
    farm.build(alone, "two", B)
    return farm.machine("builder", "rw")


def test_what_is_there_is_not_sent_again(farm: Farm) -> None:
    one = built(farm)
    told: list[tuple[str, int]] = []
    (first,) = push(one, [A, B], [], lambda remote, number: told.append((remote, number)))
    assert (first.sent, first.there, first.failed, first.incomplete) == (2, 0, 0, 0)
    assert [number for _, number in told] == [2]
    assert first.bytes > 0
    (again,) = push(farm.machine("builder", "rw"), [A, B], [], nobody)
    assert (again.sent, again.there, again.bytes) == (0, 2, 0)


def test_what_several_records_name_goes_once(tmp_path: Path) -> None:
    """One tree, of twenty tasks."""
    asked = {}
    for name, server in (("http", http_server), ("reapi", reapi_server)):
        contents = Contents()
        with server(contents) as url:
            farm = Farm(tmp_path / name, url, contents)
            alone = farm.machine("builder")
            taskhashes = [f"{number:064x}" for number in range(20)]
            for taskhash in taskhashes:
                farm.build(alone, "same", taskhash)
            contents.log.clear()
            (first,) = push(farm.machine("builder", "rw"), taskhashes, [], nobody)
            assert first.sent == 20
            asked[name] = [(method, path) for method, path in contents.log if not path.startswith("ac/")]
            contents.log.clear()
            (again,) = push(farm.machine("builder", "rw"), taskhashes, [], nobody)
            assert again.there == 20
            methods = [method for method, path in contents.log if not path.startswith("ac/")]
            assert methods.count("HEAD" if name == "http" else "FindMissingBlobs") == (6 if name == "http" else 1)
    assert len(set(asked["http"])) == len(asked["http"])
    names = [method for method, _ in asked["reapi"]]
    # For what the records name, and for what says which record is meant.
    assert names.count("FindMissingBlobs") == 2
    assert names.count("BatchUpdateBlobs") == 1


def test_small_blobs_of_new_records_go_without_being_asked_for(tmp_path: Path) -> None:
    contents = Contents()
    with http_server(contents) as url:
        farm = Farm(tmp_path, url, contents)
        alone = farm.machine("builder")
        farm.build(alone, "one", A)
        push(farm.machine("builder", "rw"), [A], [], nobody)
        lost = next(path for path in contents.files if contents.files[path] == b"one" * 500)
        del contents.files[lost]
        farm.build(alone, "two", B, big=1 << 20)
        contents.log.clear()
        (result,) = push(farm.machine("builder", "rw"), [A, B], [], nobody)
        assert (result.sent, result.there) == (2, 0)
        asked = {path for method, path in contents.log if method == "HEAD"}
        put = [path for method, path in contents.log if method == "PUT" and path.startswith("cas/")]
        # The remote may have lost what an old record names: that is asked for, and what a new one shares with it.
        assert lost in asked & set(put) and len(put) == len(set(put))
        of_new = {path for path in put if path != lost}
        (big,) = asked & of_new
        assert len(contents.files[big]) == 1 << 20 and len(of_new) == 5
        two = farm.machine("two")
        assert pull(two, list(two.records([A, B]).values()), ()).taken == 2


def test_a_blob_that_is_refused_keeps_no_other_record_back(tmp_path: Path) -> None:
    contents = Contents(fault="small")
    with http_server(contents) as url:
        farm = Farm(tmp_path, url, contents)
        alone = farm.machine("builder")
        farm.build(alone, "one", A)
        farm.build(alone, "large", C, big=6 << 20)
        farm.build(alone, "two", B)
        (result,) = push(farm.machine("builder", "rw"), [A, C, B], [], nobody)
        assert (result.sent, result.failed) == (2, 1)
        assert set(farm.machine("two").records([A, B, C])) == {A, B}


def test_what_is_not_whole_here_is_not_sent(farm: Farm) -> None:
    one = built(farm)
    record = one.record(A)
    assert record is not None
    Path(one.cas.path(record.inputs, False)).unlink()
    (result,) = push(farm.machine("builder", "rw"), [A, B, C], [], nobody)
    # Both have the same inputs; of C there is nothing.
    assert (result.sent, result.incomplete) == (0, 3)
    assert farm.machine("two").records([A, B]) == {}


def test_pull_gets_all_and_says_what_is_nowhere(farm: Farm) -> None:
    one = built(farm)
    push(one, [A, B], [], nobody)
    two = farm.machine("two")
    found = two.records([A, B])
    result = pull(two, list(found.values()), ["x:do_install"])
    assert (result.here, result.taken, result.missing) == (0, 2, ("x:do_install",))
    assert record_names(two.root) == [A, B]
    again = farm.machine("two")
    assert pull(again, list(again.records([A, B]).values()), []).here == 2


def test_a_remote_that_takes_nothing_is_a_failure(tmp_path: Path) -> None:
    contents = Contents()
    with http_server(contents) as url:
        farm = Farm(tmp_path, url, contents)
        one = built(farm)
        contents.fault = "500"
        (result,) = push(one, [A, B], [], nobody)
        assert result.failed
        assert not result.ok
        (said,) = one.take_notices()
        assert said.startswith(f"the remote {url} ")


def test_a_divergence_names_the_files_on_all_machines(farm: Farm) -> None:
    first, two, second = farm.diverged()
    expected = {("image/usr/bin/prog", "content"), ("image/usr/text", "content")}
    (here,) = unlike(two)
    assert (here.first, here.second) == (second, first)
    assert {(item.path, item.aspect) for item in here.differences or ()} == expected
    # The builder, and a third machine that has the builder's output, learn of it when they ask.
    for name in ("builder", "three"):
        keys = Keyring(farm.root / name / "keys", [farm.builder.own, Keyring(farm.root / "two/keys").own])
        setting = settings.remote(f"{farm.url};timeout=30")
        third = SharedStore(farm.root / name / "sstate", keys, [(setting.url, make(setting), False)])
        third.fetch([record.tree for record in third.records([A]).values()])
        (there,) = unlike(third)
        assert (there.first, there.second) == (first, second)
        assert {(item.path, item.aspect) for item in there.differences or ()} == expected
    assert not list(unlike(SharedStore(farm.root / "four/sstate")))
    assert Store(farm.root / "two/sstate").record(A) == second
