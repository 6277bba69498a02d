"""Directory trees as messages: REAPI v2 ``Directory``, ``FileNode``, ``DirectoryNode``, ``SymlinkNode``.

The encoding is canonical: fields in tag order, children sorted by the UTF-8 bytes of their names, defaults left out. A mode
is only in the message (``NodeProperties.unix_mode``) where ``is_executable`` doesn't say it: files of 0644 and 0755 and
directories of 0755 have none. So equal trees have equal digests, and any REAPI server can hold them.

Format: ``build/bazel/remote/execution/v2/remote_execution.proto`` and the protobuf wire format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hadronbake.artifacts import wire
from hadronbake.artifacts.digest import is_hash
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.wire import Fields, field, fields, message, text, varint
from hadronbake.diagnostics import HadronbakeError

PLAIN = 0o644
EXECUTABLE = 0o755

DEEPEST = 256
"""No tree has more directories below each other, nor a task's output."""
MOST_ENTRIES = 10_000_000


@dataclass(frozen=True, slots=True)
class FileNode:
    name: str
    digest: Digest
    mode: int = PLAIN

    @property
    def executable(self) -> bool:
        return bool(self.mode & 0o111)


@dataclass(frozen=True, slots=True)
class DirectoryNode:
    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class SymlinkNode:
    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory; ``mode`` is its own."""

    files: tuple[FileNode, ...] = ()
    directories: tuple[DirectoryNode, ...] = ()
    symlinks: tuple[SymlinkNode, ...] = ()
    mode: int = EXECUTABLE


def encode(directory: Directory) -> bytes:
    """The canonical message. Children may come in any order."""
    out = bytearray()
    for file in sorted(directory.files, key=_by_name):
        body = field(1, file.name.encode()) + field(2, digest_message(file.digest))
        if file.executable:
            body += b"\x20\x01"
        if file.mode not in (PLAIN, EXECUTABLE):
            body += field(6, _properties(file.mode))
        out += field(1, body)
    for child in sorted(directory.directories, key=_by_name):
        out += field(2, field(1, child.name.encode()) + field(2, digest_message(child.digest)))
    for link in sorted(directory.symlinks, key=_by_name):
        out += field(3, field(1, link.name.encode()) + field(2, link.target.encode()))
    if directory.mode != EXECUTABLE:
        out += field(5, _properties(directory.mode))
    return bytes(out)


def decode(data: bytes) -> Directory:
    """The reverse of :func:`encode`. Raises HBA007 where the message isn't canonical, or has a name that could lead out of
    its directory: what comes from another machine goes through here."""
    quick = _quick(data)
    if quick is not None:
        return quick
    try:
        directory = _decode(data)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise malformed(str(error)) from error
    nodes: list[FileNode | DirectoryNode | SymlinkNode] = [
        *directory.files,
        *directory.directories,
        *directory.symlinks,
    ]
    names = [node.name for node in nodes]
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise malformed(f"it has an entry named {name!r}")
    if len(set(names)) != len(names):
        raise malformed("it has two entries of one name")
    if any(not link.target or "\0" in link.target for link in directory.symlinks):
        raise malformed("it has a symbolic link without a target")
    if encode(directory) != data:
        raise malformed("it isn't in canonical form")
    return directory


def _quick(data: bytes) -> Directory | None:
    """:func:`decode` for the messages that nearly all are, several times as fast: without node properties, all lengths below 2^14. It
    goes by the one encoding that is canonical and checks as it goes, so it accepts nothing else; None for whatever is different.
    """
    files: list[FileNode] = []
    directories: list[DirectoryNode] = []
    symlinks: list[SymlinkNode] = []
    total, kind = len(data), 1
    try:
        at, previous = _leading_files(data, files)
        while at < total:
            number = data[at] >> 3
            if data[at] & 7 != wire.BYTES or not kind <= number <= 3:
                return None
            if number != kind:
                kind, previous = number, b""
            length, at = _length(data, at + 1)
            end = at + length
            if data[at] != 0x0A or end > total:
                return None
            length, at = _length(data, at + 1)
            name = data[at : at + length]
            at += length
            # Sorted and each once; and no name that leads elsewhere.
            if name <= previous or name in (b".", b"..") or b"/" in name or b"\0" in name or data[at] != 0x12:
                return None
            previous = name
            length, at = _length(data, at + 1)
            inner = at + length
            if number == 3:
                target = data[at:inner]
                if not target or b"\0" in target or inner != end:
                    return None
                symlinks.append(SymlinkNode(name.decode(), target.decode()))
                at = end
                continue
            if data[at : at + 2] != b"\x0a\x40":
                return None
            text = data[at + 2 : at + 66].decode()
            at += 66
            size = 0
            if at < inner:
                if data[at] != 0x10:
                    return None
                size, at = _minimal(data, at + 1)
            if at != inner or at > end or not is_hash(text):
                return None
            digest = Digest(text, size)
            if number == 2:
                if at != end:
                    return None
                directories.append(DirectoryNode(name.decode(), digest))
            else:
                if at != end and data[at:end] != b"\x20\x01":
                    return None
                files.append(FileNode(name.decode(), digest, PLAIN if at == end else EXECUTABLE))
            at = end
    except (IndexError, ValueError):
        return None
    names = {node.name for nodes in (files, directories, symlinks) for node in nodes}
    if len(names) != len(files) + len(directories) + len(symlinks):
        return None
    return Directory(tuple(files), tuple(directories), tuple(symlinks))


_FILE = re.compile(
    rb"\n([\x00-\x7f]|[\x80-\xff][\x01-\x7f])"  # the node, and its length
    rb"\n(.)([^/\0]+?)"  # the name
    rb"\x12(.)\n@([0-9a-f]{64})(?:\x10([\x80-\xff]{0,8}[\x01-\x7f]))?"  # the digest
    rb"(\x20\x01)?",  # whether it is a program
    re.DOTALL,
)


def _leading_files(data: bytes, files: list[FileNode]) -> tuple[int, bytes]:
    """Takes the files at the start of a message as far as they are of the usual form, which one expression knows; gives where they
    end, and the last one's name. It looks for the end of a name, so the lengths are compared with what was found."""
    at, previous = 0, b""
    match = _FILE.match
    while found := match(data, at):
        outer, named, name, inner, text, number, program = found.groups()
        length = 66 if number is None else 67 + len(number)
        body = 4 + len(name) + length + (0 if program is None else 2)
        said = outer[0] if len(outer) == 1 else outer[0] & 0x7F | outer[1] << 7
        if said != body or named[0] != len(name) or inner[0] != length or len(name) > 0x7F:
            break
        if name <= previous or name in (b".", b".."):
            break
        size = 0 if number is None else number[0] if len(number) == 1 else _minimal(number, 0)[0]
        mode = PLAIN if program is None else EXECUTABLE
        files.append(FileNode(name.decode(), Digest(text.decode(), size), mode))
        at, previous = found.end(), name
    return at, previous


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A canonical varint of one byte or two. Raises ValueError for another."""
    first = data[at]
    if first < 0x80:
        return first, at + 1
    second = data[at + 1]
    if not 0 < second < 0x80:
        raise ValueError
    return first & 0x7F | second << 7, at + 2


def _minimal(data: bytes, at: int) -> tuple[int, int]:
    """A canonical varint that isn't zero, below 2^63. Raises ValueError for another."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if not byte or shift > 56:
                raise ValueError
            return value, at
        shift += 7


def unfold(root: Digest, read: Callable[[Digest], Directory]) -> dict[str, Directory]:
    """All directories of a tree, by hash, each read once. Raises HBA010 for a tree that is deeper or larger than any honest one,
    before it takes memory: a few small messages can name each other so that they unfold to more than any disk holds."""
    known: dict[str, Directory] = {}
    entries: dict[str, int] = {}
    path: list[tuple[Digest, Iterator[DirectoryNode]]] = []

    def enter(digest: Digest) -> None:
        if len(path) == DEEPEST:
            raise too_large(f"is deeper than {DEEPEST} directories")
        known[digest.hash] = read(digest)
        path.append((digest, iter(known[digest.hash].directories)))

    enter(root)
    while path:
        digest, children = path[-1]
        # One that is entered and not yet counted can't come again: a tree that contains itself would contain its own hash.
        for child in children:
            if child.digest.hash not in entries:
                enter(child.digest)
                break
        else:
            path.pop()
            directory = known[digest.hash]
            below = sum(entries[child.digest.hash] for child in directory.directories)
            total = below + len(directory.files) + len(directory.symlinks) + len(directory.directories)
            if total > MOST_ENTRIES:
                raise too_large(f"has more than {MOST_ENTRIES} entries")
            entries[digest.hash] = total
    return known


def too_large(reason: str) -> HadronbakeError:
    return HadronbakeError.of("HBA010", f"a tree of shared state {reason}")


def malformed(reason: str) -> HadronbakeError:
    return HadronbakeError.of("HBA007", f"a directory message of shared state is malformed: {reason}")


def _by_name(node: FileNode | DirectoryNode | SymlinkNode) -> bytes:
    return node.name.encode()


def digest_message(digest: Digest) -> bytes:
    """REAPI's Digest."""
    return field(1, digest.hash.encode()) + (b"\x10" + varint(digest.size) if digest.size else b"")


def _properties(mode: int) -> bytes:
    return field(3, b"\x08" + varint(mode) if mode else b"")


def read_digest(found: Fields, number: int = 2) -> Digest:
    """The Digest message in field ``number``. Raises ValueError."""
    data = found.get(number, b"")
    inner = message(data, {1: bytes, 2: int}) if isinstance(data, bytes) else {}
    name, size = text(inner, 1), inner.get(2, 0)
    if not is_hash(name) or not isinstance(size, int):
        raise ValueError("a digest is not one")
    return Digest(hash=name, size=size)


def _read_mode(properties: int | bytes) -> int:
    if not isinstance(properties, bytes):
        raise ValueError("node properties are not a message")
    wrapped = message(properties, {3: bytes}).get(3)
    if not isinstance(wrapped, bytes):
        raise ValueError("node properties without a mode")
    mode = message(wrapped, {1: int}).get(1, 0)
    if not isinstance(mode, int) or mode > 0o7777:
        raise ValueError("a mode is out of range")
    return mode


def _decode(data: bytes) -> Directory:
    files: list[FileNode] = []
    directories: list[DirectoryNode] = []
    symlinks: list[SymlinkNode] = []
    mode = EXECUTABLE
    for number, value in fields(data):
        if not isinstance(value, bytes):
            raise ValueError(f"field {number} has the wrong type")
        if number == 1:
            found = message(value, {1: bytes, 2: bytes, 4: int, 6: bytes})
            own = EXECUTABLE if found.get(4) else PLAIN
            if 6 in found:
                own = _read_mode(found[6])
            files.append(FileNode(text(found, 1), read_digest(found), own))
        elif number == 2:
            found = message(value, {1: bytes, 2: bytes})
            directories.append(DirectoryNode(text(found, 1), read_digest(found)))
        elif number == 3:
            found = message(value, {1: bytes, 2: bytes})
            symlinks.append(SymlinkNode(text(found, 1), text(found, 2)))
        elif number == 5:
            mode = _read_mode(value)
    return Directory(tuple(files), tuple(directories), tuple(symlinks), mode)
