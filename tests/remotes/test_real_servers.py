"""The same between two machines and servers that others wrote: buildbox-casd, bazel-remote by both its protocols, nginx with WebDAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from machines import TASK, A, Farm
from real import bazel_remote, bazel_remote_server, casd, casd_server, nginx, nginx_server
from servers import Contents

from hadronbake.artifacts.store import Store
from hadronbake.remotes.sending import send

pytestmark = pytest.mark.servers

KINDS = ["casd", "bazel-remote-http", "bazel-remote-http-zstd", "bazel-remote-grpc", "nginx"]


@contextmanager
def serving(kind: str, directory: Path) -> Iterator[str]:
    """The setting of a server that keeps its things in the directory. Skips the test where it isn't installed."""
    program = {"casd": casd, "nginx": nginx}.get(kind, bazel_remote)()
    if program is None:
        pytest.skip(f"{kind.partition('-http')[0].partition('-grpc')[0]} isn't installed")
    with ExitStack() as stack:
        if kind == "casd":
            url = stack.enter_context(casd_server(program, directory))
        elif kind == "nginx":
            url = stack.enter_context(nginx_server(program, directory))
        else:
            http, grpc = stack.enter_context(bazel_remote_server(program, directory))
            url = grpc if kind.endswith("grpc") else http
        yield url + (";compress=zstd" if kind.endswith("zstd") else "")


@pytest.fixture(params=KINDS)
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    with serving(request.param, tmp_path / "server") as url:
        yield Farm(tmp_path, url, Contents())


def test_what_one_machine_built_another_takes(farm: Farm) -> None:
    one, kept = farm.sent(big=6 << 20)
    assert one.take_notices() == []
    assert one.usage().sent == 1
    two = farm.taken(kept)
    alone = Store(two.root, two.keys)
    assert alone.statement(A) == one.statement(A)
    assert two.equivalent(TASK, kept.outhash) == A


def test_zstd_on_the_way(farm: Farm, request: pytest.FixtureRequest) -> None:
    """Of six megabytes half are zeros. Of these servers bazel-remote alone compresses; by HTTP it takes what it is told to be so."""
    one, kept = farm.sent(big=6 << 20)
    two = farm.machine("two")
    two.records([A])
    two.fetch([kept.tree])
    usage = two.usage()
    assert usage.trees == 1
    kind = request.node.callspec.params["farm"]
    assert (usage.received_bytes < 4 << 20) == kind.startswith("bazel-remote")
    assert (one.usage().sent_bytes < 4 << 20) == (kind in ("bazel-remote-http-zstd", "bazel-remote-grpc"))


def test_the_first_write_wins_and_the_second_is_a_divergence(farm: Farm) -> None:
    first, two, second = farm.diverged()
    (found,) = two.divergences()
    assert (found.first, found.others) == (second, (first,))
    assert farm.machine("three").records([A]) == {A: first}


def test_many_keys_at_once(farm: Farm) -> None:
    one = farm.machine("builder", "rw")
    kept = {f"{number:064x}": farm.build(one, str(number), f"{number:064x}") for number in range(40)}
    one.flush()
    two = farm.machine("two")
    assert two.records([*kept, A]) == kept
    two.fetch([record.tree for record in kept.values()])
    assert two.usage().trees == 40
    assert two.take_notices() == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_server_forgot_is_sent_again(kind: str, tmp_path: Path) -> None:
    """A record whose content is gone counts as one that must be made again; so it goes again, with its content."""
    server = tmp_path / "server"
    with serving(kind, server) as url:
        farm = Farm(tmp_path, url, Contents())
        _, kept = farm.sent(big=1 << 20)
    blobs = [path for path in server.rglob("*") if path.is_file() and 1 << 19 < path.stat().st_size < 2 << 20]
    assert blobs
    for path in blobs:
        path.unlink()
    # bazel-remote knows what it has only from when it starts.
    with serving(kind, server) as farm.url:
        two = farm.machine("two", "rw")
        two.records([A])
        two.fetch([kept.tree])
        assert Store(two.root, two.keys).record(A) is None
        again = farm.machine("builder", "rw")
        assert send(again, again.remotes[0], [A]) == ["sent"]
        farm.taken(kept, "three")
