"""Two machines with stores of their own, and between them each kind of remote: what goes and comes, and what doesn't."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from machines import TASK, A, B, Farm, shape
from servers import Contents, http_server, reapi_server

from hadronbake.artifacts.collection import store_bytes
from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.signing import Keyring
from hadronbake.artifacts.store import MissingBlob, Store
from hadronbake.remotes import settings
from hadronbake.remotes.opening import make
from hadronbake.remotes.results import action, decode_result, encode_result, equivalence_key, record_key
from hadronbake.remotes.store import SharedStore

KINDS = ["directory", "directory-zstd", "http", "http-zstd", "reapi", "reapi-zstd", "reapi-instance"]


def farm_of(kind: str, tmp_path: Path, stack: ExitStack) -> Farm:
    contents = Contents(zstd=kind.endswith("zstd"))
    if kind.startswith("directory"):
        url = str(tmp_path / "remote") + (";compress=zstd" if contents.zstd else "")
    elif kind.startswith("http"):
        url = stack.enter_context(http_server(contents)) + (";compress=zstd" if contents.zstd else "")
    elif kind == "reapi-instance":
        url = stack.enter_context(reapi_server(contents, "team/one", 3000)) + "/team/one"
    else:
        url = stack.enter_context(reapi_server(contents))
    return Farm(tmp_path, url, contents)


@pytest.fixture(params=KINDS)
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    with ExitStack() as stack:
        yield farm_of(request.param, tmp_path, stack)


@pytest.fixture(params=["http", "reapi"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    with ExitStack() as stack:
        yield farm_of(request.param, tmp_path, stack)


def test_what_one_machine_built_another_takes(farm: Farm) -> None:
    one, kept = farm.sent(big=6 << 20)
    assert one.take_notices() == []
    assert one.usage().sent == 1
    two = farm.taken(kept)
    # Now it is one of the local store, as the builder signed it, with all it names.
    alone = Store(two.root, two.keys)
    assert alone.record(A) == kept
    assert alone.statement(A) == one.statement(A)
    assert kept.log is not None
    assert alone.get_blob(kept.log) == b"log of content"
    assert list((two.root / "tmp").iterdir()) == []
    assert not list((two.root / "seen").rglob(A))


def test_zeros_are_holes_on_the_other_machine(farm: Farm) -> None:
    """Of twelve megabytes one is no zeros: so much of the disk they take here, there, and in a remote that is a directory."""
    work = farm.root / "work-content/image/usr"
    work.mkdir(parents=True)
    with (work / "disk.img").open("wb") as file:
        file.truncate(12 << 20)
        file.seek(5 << 20)
        file.write(os.urandom(1 << 20))
    one, kept = farm.sent()
    two = farm.taken(kept)
    for store in (one, two):
        assert 1 << 20 < store_bytes(store) < 2 << 20
    lying = [path.stat().st_blocks * 512 for path in (farm.root / "remote").rglob("*") if path.is_file()]
    assert sum(lying) < 2 << 20


def test_what_was_seen_is_not_asked_again(served: Farm) -> None:
    _, kept = served.sent()
    assert served.machine("two").records([A]) == {A: kept}
    served.contents.log.clear()
    again = served.machine("two")
    assert again.records([A]) == {A: kept}
    assert served.contents.log == []
    again.fetch([kept.tree])
    assert Store(again.root, again.keys).record(A) == kept


def test_a_tree_comes_in_few_requests(served: Farm) -> None:
    _, kept = served.sent()
    two = served.machine("two")
    two.records([A])
    served.contents.log.clear()
    two.fetch([kept.tree])
    if served.url.startswith("grpc"):
        # The Tree message; then all the blobs.
        assert [name for name, _ in served.contents.log] == ["BatchReadBlobs", "BatchReadBlobs"]
    else:
        assert len(served.contents.log) == 5


def test_the_same_output_is_known_by_its_claim(farm: Farm) -> None:
    _, kept = farm.sent()
    two = farm.machine("two")
    assert two.equivalent(TASK, kept.outhash) == A
    assert two.equivalent("other:do_install", kept.outhash) is None
    assert farm.build(two, taskhash=B).unihash == A


def test_a_key_that_is_not_trusted_is_a_miss_said_once(farm: Farm) -> None:
    one = farm.machine("builder", "rw")
    farm.build(one)
    farm.build(one, "two", B)
    one.flush()
    stranger = farm.machine("stranger", trust=False)
    assert stranger.records([A, B]) == {}
    (said,) = stranger.take_notices()
    assert said == (
        f"the remote {stranger.remotes[0].name} has records signed with the key {farm.builder.own[:16]}…, which isn't trusted: "
        f"they don't count. `hbake keys trust {farm.builder.own}` would trust it"
    )
    assert stranger.records([A]) == {}
    assert stranger.take_notices() == []


def test_a_record_replayed_under_another_key_is_refused(served: Farm) -> None:
    served.sent()
    keys = {taskhash: "ac/" + of_bytes(action(record_key(taskhash))).hash for taskhash in (A, B)}
    served.contents.files[keys[B]] = served.contents.files[keys[A]]
    two = served.machine("two")
    assert two.records([B]) == {}
    (said,) = two.take_notices()
    assert (
        "sent something wrong, which isn't used: the record of bbbbbbbbbbbb… is damaged, or is one of something else"
        in said
    )


def test_a_record_is_no_equivalence(served: Farm) -> None:
    _, kept = served.sent()
    files = served.contents.files
    claim = "ac/" + of_bytes(action(equivalence_key(TASK, kept.outhash))).hash
    files[claim] = files["ac/" + of_bytes(action(record_key(A))).hash]
    assert served.machine("two").equivalent(TASK, kept.outhash) is None


@pytest.mark.parametrize("fault", ["wrong bytes", "short", "long", "wrong results", "500", "hang", "close early"])
def test_a_remote_that_fails_is_a_miss_and_never_a_wrong_output(served: Farm, tmp_path: Path, fault: str) -> None:
    if fault == "close early" and served.url.startswith("grpc"):
        fault = "short"
    _, kept = served.sent()
    two = served.machine("two", timeout=1 if fault == "hang" else 30)
    if fault in ("wrong bytes", "short", "long", "close early"):
        assert two.records([A]) == {A: kept}
    served.contents.fault = fault
    began = time.monotonic()
    two.records([A])
    with pytest.raises(MissingBlob):
        two.checkout(kept.tree, tmp_path / "out", link=False)
    assert time.monotonic() - began < 20
    assert not (tmp_path / "out").exists()
    assert two.take_notices()
    # The task is built here, and nothing is left of what was wrong.
    served.build(two)
    two.checkout(kept.tree, tmp_path / "out", link=False)
    assert shape(tmp_path / "out/image") == shape(tmp_path / "work-content/image")
    assert list((two.root / "tmp").iterdir()) == []
    assert not (two.root / "bad").exists()


def test_what_a_server_says_is_printable_and_short(tmp_path: Path) -> None:
    contents = Contents(fault="garbage")
    with http_server(contents) as url:
        store = Farm(tmp_path, url, contents).machine("one")
        assert store.records([A]) == {}
        (said,) = store.take_notices()
        assert "?[2J? nothing of HTTP xxx" in said and said.isprintable()
        assert len(said) < 500


@pytest.mark.parametrize("kind", ["http", "reapi"])
def test_one_that_trickles_is_given_up_however_much_is_to_come(kind: str, tmp_path: Path) -> None:
    contents = Contents()
    with http_server(contents) if kind == "http" else reapi_server(contents, batch=1) as url:
        farm = Farm(tmp_path, url, contents)
        _, kept = farm.sent(big=1 << 20)
        two = farm.machine("two", timeout=0.4)
        assert two.records([A]) == {A: kept}
        contents.fault = "trickle"
        began = time.monotonic()
        two.fetch([kept.tree])
        assert time.monotonic() - began < 5
        assert not two.has_tree(kept.tree)
        (said,) = two.take_notices()
        assert "slower than 32 kB/s for 0.4 s" in said


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}", "grpc://127.0.0.1:{port}", "/nowhere/at/all", "http://host.invalid"]
)
def test_an_unreachable_remote_is_said_once_and_not_asked_again(tmp_path: Path, url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    farm = Farm(tmp_path, url.format(port=port), Contents())
    store = farm.machine("one", timeout=3)
    began = time.monotonic()
    assert store.records([A]) == {}
    assert time.monotonic() - began < 20
    (said,) = store.take_notices()
    assert said.startswith(f"the remote {url.format(port=port)} isn't used any more in this run: ")
    assert said.endswith("; what it has is built here")
    asked = store.usage().requests
    assert store.records([B]) == {}
    assert store.usage().requests == asked
    assert store.take_notices() == []


def test_the_next_remote_is_asked_when_one_fails(tmp_path: Path) -> None:
    good, bad = Contents(), Contents()
    with http_server(good) as first, http_server(bad) as second:
        one = Farm(tmp_path, first, good).machine("builder", "rw")
        kept = Farm(tmp_path, first, good).build(one)
        one.flush()
        bad.files.update(good.files)
        bad.fault = "wrong bytes"
        farm = Farm(tmp_path, second, bad)
        ring = Keyring(tmp_path / "two/keys", [farm.builder.own])
        sides = [(url, make(settings.remote(url)), False) for url in (second, first)]
        two = SharedStore(tmp_path / "two/sstate", ring, sides)
        assert two.records([A]) == {A: kept}
        two.checkout(kept.tree, tmp_path / "out", link=False)
        assert shape(tmp_path / "out/image") == shape(tmp_path / "work-content/image")
        assert any("sent something wrong" in text for text in two.take_notices())


def test_a_blob_that_was_lost_here_comes_again(farm: Farm, tmp_path: Path) -> None:
    _, kept = farm.sent()
    again = farm.machine("builder")
    again.records([A])
    for path in (again.root / "cas").rglob("*"):
        if path.is_file() and path.stat().st_size > 1000:
            path.unlink()
    again.checkout(kept.tree, tmp_path / "out", link=False)
    assert shape(tmp_path / "out/image") == shape(tmp_path / "work-content/image")


def test_two_outputs_of_one_task_are_a_divergence_on_both_sides(farm: Farm) -> None:
    _, first = farm.sent("one")
    ring = Keyring(farm.root / "two/keys")
    two = farm.machine("two", "rw")
    second = farm.build(two, "two")
    two.flush()
    (found,) = two.divergences()
    assert (found.first, found.others) == (second, (first,))
    # The first write won.
    assert farm.machine("three").records([A]) == {A: first}
    trusting = SharedStore(
        farm.root / "builder/sstate",
        Keyring(farm.root / "builder/keys", [ring.own]),
        [(item.name, item.remote, False) for item in farm.machine("builder").remotes],
    )
    trusting.far_divergences([A])
    (there,) = trusting.divergences()
    assert (there.first, there.others) == (first, (second,))


def test_a_read_only_remote_is_never_written(served: Farm) -> None:
    one = served.machine("builder", "ro")
    served.build(one)
    one.flush()
    assert served.contents.files == {}


def test_an_address_where_nothing_was_ever_sent_is_said(tmp_path: Path) -> None:
    contents = Contents()
    with http_server(contents) as url:
        farm = Farm(tmp_path, f"{url}/cahce", contents)
        two = farm.machine("two")
        assert two.records([A]) == two.records([B]) == {}
        (said,) = two.take_notices()
        assert said == (
            f"the remote {url}/cahce failed: nothing was ever sent there (it has no empty blob): its address may be wrong; "
            "what doesn't come from it is built here"
        )
        # One where something was sent has just not what is asked for; and one that is written may be new.
        Farm(tmp_path, f"{url}/cache", contents).sent()
        right = Farm(tmp_path, f"{url}/cache", contents)
        for store in (right.machine("three"), right.machine("four", "rw"), farm.machine("five", "rw")):
            assert store.records([B]) == {}
            assert store.take_notices() == []


def test_one_question_for_all_records_of_a_graph(served: Farm) -> None:
    one = served.machine("builder", "rw")
    kept = {A: served.build(one, "one", A), B: served.build(one, "two", B)}
    one.flush()
    one.send_bundle("0" * 64, [A, B])
    two = served.machine("two")
    two.expect("0" * 64)
    served.contents.log.clear()
    assert two.records([A]) == {A: kept[A]}
    asked = len(served.contents.log)
    assert two.records([B]) == {B: kept[B]}
    assert len(served.contents.log) == asked
    assert asked <= 3


def test_credentials(tmp_path: Path) -> None:
    for server in (http_server, reapi_server):
        contents = Contents(token="secret")
        (tmp_path / "token").write_text("secret\n")
        with server(contents) as url:
            farm = Farm(tmp_path / server.__name__, url, contents)
            one = farm.machine("builder", "rw", options=f";token-file={tmp_path}/token")
            kept = farm.build(one)
            one.flush()
            assert one.take_notices() == []
            assert farm.machine("two", options=f";token-file={tmp_path}/token").records([A]) == {A: kept}
            without = farm.machine("two-without")
            assert without.records([A]) == {}
            assert "isn't used any more in this run: " in without.take_notices()[0]


def test_the_formats_are_those_of_the_protocol(tmp_path: Path) -> None:
    """Our own encoding against BuildStream's messages."""
    from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as re

    made = re.Action.FromString(action("record x"))
    assert made.salt == b"record x"
    assert re.Command.FromString(b"\x0a\x0ahadronbake").arguments == ["hadronbake"]
    assert made.command_digest.hash == of_bytes(b"\x0a\x0ahadronbake").hash
    assert made.input_root_digest.hash == of_bytes(b"").hash
    tree, other = of_bytes(b"tree"), of_bytes(b"other")
    result = re.ActionResult.FromString(encode_result(b"said", tree, {"log": other}))
    assert result.stdout_raw == b"said"
    assert result.output_directories[0].tree_digest.hash == tree.hash
    assert (result.output_files[0].path, result.output_files[0].digest.size_bytes) == ("log", 5)
    result.execution_metadata.worker = "added by the server"
    result.stdout_raw = b""
    result.stdout_digest.hash, result.stdout_digest.size_bytes = other.hash, other.size
    read = decode_result(result.SerializeToString())
    assert (read.statement, read.moved, read.tree, read.files) == (None, other, tree, (("log", other),))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("ftp://x", "begins with 'ftp:'"),
        ("relative/path", "is no absolute path"),
        ("http://x;mode=wr", "has the mode 'wr'"),
        ("http://x;mod=rw", "has no parameter 'mod=rw'"),
        ("http://x;timeout=soon", "has the time-out 'soon'"),
        ("http://x;timeout=inf", "has the time-out 'inf'"),
        ("http://x;timeout=nan", "has the time-out 'nan'"),
        ("http://x:99999", "is no address: the host or the port can't be"),
        ("http://x:port/y", "is no address: the host or the port can't be"),
        ("http://[::1/y", "is no address: the host or the port can't be"),
        ("grpc://me:secret#word@x", "is no address: the host or the port can't be"),
        ("http://x;token-env=NO_SUCH", "takes its token from NO_SUCH, which isn't set in the environment"),
        ("http://me:secret@x;mode=no", "'http://…@x;mode=no' has the mode 'no'"),
    ],
)
def test_settings_that_are_wrong_are_said(entry: str, said: str) -> None:
    from hadronbake.diagnostics import HadronbakeError

    with pytest.raises(HadronbakeError) as caught:
        settings.remote(entry, {})
    assert "error[HBA022]" in str(caught.value)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_settings_that_are_right() -> None:
    values: dict[str, str] = {
        "HB_CACHE_REMOTES": " https://me:pw@cache.example.org/x/ ;mode=rw".replace(" ;", ";") + " /mnt/c"
    }
    get: Callable[[str], str | None] = values.get
    first, second = settings.remotes(get, {})
    assert (first.kind, first.url, first.user, first.password, first.writable) == (
        "http",
        "https://cache.example.org/x",
        "me",
        "pw",
        True,
    )
    assert (second.kind, second.url, second.writable) == ("directory", "/mnt/c", False)
