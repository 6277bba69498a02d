"""Remotes that lie, lose, hang or go away. Two machines: one sends what it built, the other has nothing and asks."""

from __future__ import annotations

import random
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matrix import HERE, Figures, row
from subject import findings, make_tree, put, restores, snapshot

from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.record import Record
from hadronbake.artifacts.signing import Keyring
from hadronbake.artifacts.store import MissingBlob
from hadronbake.execution.workdir import remove_tree
from hadronbake.remotes import settings
from hadronbake.remotes.opening import make
from hadronbake.remotes.results import action, record_key
from hadronbake.remotes.store import SharedStore

sys.path.insert(0, str(HERE.parent / "remotes"))

from servers import Contents, http_server, reapi_server

GROUP = "remotes"
A, B = "a" * 64, "b" * 64
SEED = 6
PATIENCE = 60.0
"""Seconds; the machine may be busy. A hang lasts 3, a time-out 1."""
SERVERS = {"HTTP": http_server, "REAPI": reapi_server}


@dataclass
class Farm:
    """``record``: what the remote has, made of ``work``."""

    place: Path
    url: str
    contents: Contents
    builder: Keyring
    work: Path
    record: Record

    def machine(self, timeout: float = 30) -> SharedStore:
        """A new one, that has nothing."""
        remove_tree(self.place / "machine")
        ring = Keyring(self.place / "machine/keys", [self.builder.own])
        setting = settings.remote(f"{self.url};timeout={timeout}")
        return SharedStore(self.place / "machine/sstate", ring, [(setting.url, make(setting), False)])


@contextmanager
def farm(place: Path, server: str, files: int = 4) -> Iterator[Farm]:
    contents = Contents()
    with SERVERS[server](contents) as url:
        work = make_tree(place / "work", files=files)
        ring = Keyring(place / "builder/keys")
        setting = settings.remote(f"{url};mode=rw")
        builder = SharedStore(place / "builder/sstate", ring, [(url, make(setting), True)])
        record = put(builder, work, A)
        builder.flush()
        assert builder.take_notices() == []
        builder.close()
        yield Farm(place, url, contents, ring, work, record)


def attempt(subject: Farm, timeout: float = 30, lost: list[str] | None = None) -> tuple[bool, list[str]]:
    """What a build does on a new machine: look up, take the tree, and if it can't be had make it. Whether the remote's was had, and
    what the store said; ``lost`` is given what a build says besides, of a tree that isn't there though its record is. Raises
    AssertionError where anything is wrong afterwards."""
    store = subject.machine(timeout)
    out = subject.place / "out"
    remove_tree(out)
    began = time.monotonic()
    found = store.records([A]).get(A)
    had = False
    if found is not None:
        assert found == subject.record, "another record"
        try:
            store.checkout(found.tree, out, link=False)
            had = True
        except MissingBlob as error:
            if lost is not None:
                lost.append(str(error))
            assert not out.exists(), "half an output"
    assert time.monotonic() - began < PATIENCE, "it blocked"
    if had:
        assert snapshot(out) == snapshot(subject.work), "a wrong output"
    else:
        remove_tree(out)
        made = put(store, subject.work, A)
        restores(store, made, subject.work, out)
    said = store.take_notices()
    store.close()
    assert not findings(store.root), "a damaged store"
    assert not list((store.root / "tmp").iterdir()), "something was left"
    return had, said


def failing(fault: str, timeout: float = 30) -> Callable[[Path, int], Figures]:
    def function(place: Path, rounds: int) -> Figures:
        tried, message = 0, ""
        for server in SERVERS:
            if fault == "close early" and server == "REAPI":
                continue
            with farm(place / server, server) as subject:
                for _ in range(rounds):
                    subject.contents.fault = fault
                    had, said = attempt(subject, timeout)
                    assert not had, f"{server}: it was believed"
                    assert said, f"{server}: nothing was said"
                    message = message or said[0]
                    subject.contents.fault = ""
                    assert attempt(subject)[0], f"{server}: not used though it is well again"
                    tried += 1
        return Figures(tried, f"a miss in all {tried}, made here, the store whole", message)

    return function


row(GROUP, "a remote that sends wrong bytes", quick=1, full=10)(failing("wrong bytes"))
row(GROUP, "a remote that sends a byte too few", quick=0, full=10)(failing("short"))
row(GROUP, "a remote that sends a byte too many", quick=0, full=10)(failing("long"))
row(GROUP, "a remote whose records are damaged", quick=0, full=10)(failing("wrong results"))
row(GROUP, "a remote that answers 500 (UNAVAILABLE)", quick=0, full=10)(failing("500"))
row(GROUP, "a remote that hangs", quick=0, full=3)(failing("hang", timeout=1))
row(GROUP, "a remote that closes the connection early", quick=0, full=10)(failing("close early"))


class Flipped(Contents):
    """One byte of one answer is another one, or the answer ends there."""

    path = ""
    position = 0
    cut = False

    def faulty(self, path: str, content: bytes) -> bytes:
        if path != self.path or self.position >= len(content):
            return content
        if self.cut:
            return content[: self.position]
        changed = bytearray(content)
        changed[self.position] ^= 1 << self.position % 8
        return bytes(changed)


@row(GROUP, "a byte of an answer flipped, or the answer cut off there, anywhere", quick=10, full=300)
def flipped(place: Path, rounds: int) -> Figures:
    chosen = random.Random(SEED)
    used = 0
    message = ""
    with farm(place, "HTTP") as subject:
        lying = Flipped(subject.contents.files)
        with http_server(lying) as subject.url:
            places = [(path, at) for path, content in sorted(lying.files.items()) for at in range(len(content))]
            for number in range(rounds):
                lying.path, lying.position = chosen.choice(places)
                lying.cut = number % 2 == 1
                lost: list[str] = []
                had, said = attempt(subject, lost=lost)
                used += had
                message = message or (said[0] if said else "")
                assert had or said or lost, f"a miss that nobody was told of: {lying.path[:8]} {lying.position}"
    outcome = f"never a wrong output; {rounds - used} misses, all told; {used} times in what wasn't asked for or makes no difference"
    return Figures(rounds, outcome, message)


@row(GROUP, "each blob in turn missing behind a record that the remote has", quick=1, full=1)
def lost(place: Path, rounds: int) -> Figures:
    missed, unused = 0, 0
    for server in SERVERS:
        with farm(place / server, server) as subject:
            files = subject.contents.files
            for path in sorted(path for path in files if path.startswith("cas/")):
                content = files.pop(path)
                had, _ = attempt(subject)
                files[path] = content
                missed += not had
                unused += had
    return Figures(missed + unused, f"{missed} misses, made here; {unused} of blobs that weren't asked for")


@row(GROUP, "a record replayed under another key", quick=1, full=1)
def replayed(place: Path, rounds: int) -> Figures:
    message = ""
    for server in SERVERS:
        with farm(place / server, server) as subject:
            keys = {taskhash: "ac/" + of_bytes(action(record_key(taskhash))).hash for taskhash in (A, B)}
            subject.contents.files[keys[B]] = subject.contents.files[keys[A]]
            store = subject.machine()
            assert store.records([B]) == {}, "it was believed"
            (message,) = store.take_notices()
            store.close()
    return Figures(len(SERVERS), "refused", message)


@row(GROUP, "nothing listens at the remote's address; its directory isn't there", quick=1, full=1)
def away(place: Path, rounds: int) -> Figures:
    message = ""
    with farm(place, "HTTP") as subject:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        urls = [f"http://127.0.0.1:{port}", f"grpc://127.0.0.1:{port}", str(place / "nowhere")]
        for subject.url in urls:
            had, said = attempt(subject, timeout=3)
            assert not had
            assert len(said) == 1, "not said once"
            message = message or said[0]
    return Figures(len(urls), "said once, made here", message)
