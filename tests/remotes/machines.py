"""Machines, each with a store and keys of its own, that share a remote."""

from __future__ import annotations

import os
from pathlib import Path

from servers import Contents

from hadronbake.artifacts.record import Record
from hadronbake.artifacts.signing import Keyring
from hadronbake.artifacts.store import Store
from hadronbake.remotes import settings
from hadronbake.remotes.opening import make
from hadronbake.remotes.store import SharedStore

A, B = "a" * 64, "b" * 64
TASK = "zlib:do_install"


class Farm:
    """Machines that share one remote. ``contents`` is what it has (not for a directory)."""

    def __init__(self, root: Path, url: str, contents: Contents) -> None:
        self.root = root
        self.url = url
        self.contents = contents
        self.builder = Keyring(root / "builder/keys")

    def machine(
        self, name: str, mode: str = "ro", trust: bool = True, options: str = "", timeout: float = 120
    ) -> SharedStore:
        ring = Keyring(self.root / name / "keys", [self.builder.own] if trust and name != "builder" else [])
        setting = settings.remote(f"{self.url};mode={mode};timeout={timeout}{options}")
        return SharedStore(self.root / name / "sstate", ring, [(setting.url, make(setting), setting.writable)])

    def build(self, store: SharedStore, text: str = "content", taskhash: str = A, big: int = 0) -> Record:
        """What an engine does after a task."""
        work = self.root / f"work-{text}"
        (work / "image/usr/bin").mkdir(parents=True, exist_ok=True)
        (work / "image/usr/bin/prog").write_text(f"#!/bin/sh\necho {text}\n")
        (work / "image/usr/bin/prog").chmod(0o755)
        (work / "image/usr/text").write_text(text * 500)
        (work / "image/usr/empty").write_text("")
        (work / "image/usr/link").unlink(missing_ok=True)
        (work / "image/usr/link").symlink_to("text")
        if big:
            (work / "image/usr/big").write_bytes(os.urandom(big // 2) + bytes(big // 2))
        tree = store.put_tree(work, ["image"])
        return store.add_record(
            Record(
                taskhash=taskhash,
                task=TASK,
                outhash=tree.digest.hash,
                unihash=store.equivalent(TASK, tree.digest.hash) or taskhash,
                tree=tree.digest,
                inputs=store.put_blob(b"[]"),
                log=store.put_blob(f"log of {text}".encode()),
            )
        )

    def sent(
        self, text: str = "content", taskhash: str = A, big: int = 0, name: str = "builder"
    ) -> tuple[SharedStore, Record]:
        """A machine that has built, and what it built is with the remote."""
        store = self.machine(name, "rw")
        kept = self.build(store, text, taskhash, big)
        store.flush()
        return store, kept

    def diverged(self) -> tuple[Record, SharedStore, Record]:
        """What "builder" built and sent; and "two", which made something else of the same, and sent that."""
        one, first = self.sent("one")
        # A server that fails is to be seen here, not by what the second then lacks.
        assert one.take_notices() == []
        two, second = self.sent("two", name="two")
        return first, two, second

    def taken(self, kept: Record, name: str = "two") -> SharedStore:
        """A machine that takes what another one built, with its tree; nothing is to be told of it."""
        store = self.machine(name)
        assert store.records([A, B]) == {A: kept}
        # Nothing but the record came so far.
        assert not (store.root / "cas").exists()
        assert Store(store.root, store.keys).record(A) is None
        out = self.root / f"out-{name}"
        store.checkout(kept.tree, out, link=False)
        assert shape(out / "image") == shape(self.root / "work-content/image")
        assert store.take_notices() == []
        assert (store.usage().found, store.usage().trees) == (1, 1)
        return store


def shape(root: Path) -> dict[str, object]:
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else (path.stat().st_mode & 0o777, path.read_bytes() if path.is_file() else None)
        for path in sorted(root.rglob("*"))
    }
