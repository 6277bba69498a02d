"""Statements of shared state as entries of an action cache, so that any REAPI server can hold and check them.

What is looked up is a text such as ``record TASKHASH``. Its key is the digest of an Action whose ``salt`` is that text, whose
Command has the one argument ``hadronbake`` and whose input root is the empty directory. The ActionResult under that key has

    stdout_raw                 the signed statement (a server may move it to the blob ``stdout_digest``)
    output_directories[""]     the digest of a Tree message: the root Directory and all that are below it
    output_files               ``inputs`` and ``log``: blobs that the record names

and whatever else the server adds, which isn't read. Messages: build/bazel/remote/execution/v2/remote_execution.proto.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.tree import decode, digest_message, read_digest
from hadronbake.artifacts.wire import field, fields, message, text
from hadronbake.diagnostics import HadronbakeError
from hadronbake.remotes.remote import Lie

COMMAND = field(1, b"hadronbake")
EMPTY = of_bytes(b"")


@dataclass(frozen=True, slots=True)
class Result:
    """``statement`` is None where the server keeps it as the blob ``moved``. ``tree``: the digest of the Tree message."""

    statement: bytes | None
    moved: Digest | None = None
    tree: Digest | None = None
    files: tuple[tuple[str, Digest], ...] = ()


def record_key(taskhash: str) -> str:
    return f"record {taskhash}"


def equivalence_key(task: str, outhash: str) -> str:
    return "equivalence " + hashlib.sha256(f"{len(task)}:{task}{outhash}".encode()).hexdigest()


def divergence_key(taskhash: str) -> str:
    return f"divergence {taskhash}"


def bundle_key(graph: str) -> str:
    return f"bundle {graph}"


def action(key: str) -> bytes:
    """The Action message that stands for a key."""
    return field(1, digest_message(of_bytes(COMMAND))) + field(2, digest_message(EMPTY)) + field(9, key.encode())


def encode_result(statement: bytes, tree: Digest | None = None, files: Mapping[str, Digest] | None = None) -> bytes:
    """The ActionResult."""
    out = b""
    for path, digest in sorted((files or {}).items()):
        out += field(2, field(1, path.encode()) + field(2, digest_message(digest)))
    if tree is not None:
        out += field(3, field(3, digest_message(tree)))
    return out + field(5, statement)


def decode_result(data: bytes) -> Result:
    """Raises Lie for what is no ActionResult."""
    statement: bytes | None = None
    moved = tree = None
    files: list[tuple[str, Digest]] = []
    try:
        for number, value in fields(data):
            if number == 2:
                found = message(_bytes(value), {1: bytes, 2: bytes})
                files.append((text(found, 1), read_digest(found)))
            elif number == 3:
                tree = read_digest(message(_bytes(value), {3: bytes}), 3)
            elif number == 5:
                statement = _bytes(value) or None
            elif number == 6:
                moved = read_digest({6: value}, 6)
    except (ValueError, IndexError) as error:
        raise Lie("a result isn't an ActionResult message") from error
    return Result(statement, moved, tree, tuple(files))


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a field has the wrong type")
    return value


def encode_tree(root: Digest, read: Callable[[Digest], bytes]) -> bytes:
    """The Tree message of a directory in the store: each Directory once, the root first. Raises what ``read`` raises."""
    first = read(root)
    out = [field(1, first)]
    seen = {root.hash}
    pending = [decode(first)]
    while pending:
        for child in pending.pop().directories:
            if child.digest.hash not in seen:
                seen.add(child.digest.hash)
                data = read(child.digest)
                out.append(field(2, data))
                pending.append(decode(data))
    return b"".join(out)


def decode_tree(root: Digest, data: bytes) -> tuple[dict[Digest, bytes], dict[Digest, bool]]:
    """The Directory messages of the tree ``root``, and the files in it with whether one of them is executable.

    All that is in the message and belongs to the tree is checked: digests, canonical form, names. Raises Lie.
    """
    there: dict[str, bytes] = {}
    try:
        for number, value in fields(data):
            if number in (1, 2) and isinstance(value, bytes):
                there[hashlib.sha256(value).hexdigest()] = value
    except (ValueError, IndexError) as error:
        raise Lie("a tree isn't a Tree message") from error
    directories: dict[Digest, bytes] = {}
    files: dict[Digest, bool] = {}
    pending = [root]
    while pending:
        digest = pending.pop()
        if digest in directories:
            continue
        content = there.get(digest.hash)
        if content is None or len(content) != digest.size:
            raise Lie(f"a tree lacks its directory {digest.hash[:12]}…")
        try:
            directory = decode(content)
        except HadronbakeError as error:
            raise Lie(error.diagnostics[0].message) from error
        directories[digest] = content
        for file in directory.files:
            files[file.digest] = files.get(file.digest, False) or file.executable
        pending.extend(child.digest for child in directory.directories)
    return directories, files
