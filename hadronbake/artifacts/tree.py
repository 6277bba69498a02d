"""Directory trees as messages: REAPI v2 ``Directory``, ``FileNode``, ``DirectoryNode``, ``SymlinkNode``.

The encoding is canonical: fields in tag order, children sorted by the UTF-8 bytes of their names, defaults left out. A mode
is only in the message (``NodeProperties.unix_mode``) where ``is_executable`` doesn't say it: files of 0644 and 0755 and
directories of 0755 have none. So equal trees have equal digests, and any REAPI server can hold them.

Format: ``build/bazel/remote/execution/v2/remote_execution.proto`` and the protobuf wire format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hadronbake.artifacts.digest import is_hash
from hadronbake.artifacts.record import Digest
from hadronbake.diagnostics import HadronbakeError

PLAIN = 0o644
EXECUTABLE = 0o755

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


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
        body = _field(1, file.name.encode()) + _field(2, _digest(file.digest))
        if file.executable:
            body += b"\x20\x01"
        if file.mode not in (PLAIN, EXECUTABLE):
            body += _field(6, _properties(file.mode))
        out += _field(1, body)
    for child in sorted(directory.directories, key=_by_name):
        out += _field(2, _field(1, child.name.encode()) + _field(2, _digest(child.digest)))
    for link in sorted(directory.symlinks, key=_by_name):
        out += _field(3, _field(1, link.name.encode()) + _field(2, link.target.encode()))
    if directory.mode != EXECUTABLE:
        out += _field(5, _properties(directory.mode))
    return bytes(out)


def decode(data: bytes) -> Directory:
    """The reverse of :func:`encode`. Raises HBA007 where the message isn't canonical, or has a name that could lead out of
    its directory: what comes from another machine goes through here."""
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


def malformed(reason: str) -> HadronbakeError:
    return HadronbakeError.of("HBA007", f"a directory message of shared state is malformed: {reason}")


def _by_name(node: FileNode | DirectoryNode | SymlinkNode) -> bytes:
    return node.name.encode()


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, body: bytes) -> bytes:
    return bytes((number << 3 | _BYTES,)) + _varint(len(body)) + body


def _digest(digest: Digest) -> bytes:
    return _field(1, digest.hash.encode()) + (b"\x10" + _varint(digest.size) if digest.size else b"")


def _properties(mode: int) -> bytes:
    return _field(3, b"\x08" + _varint(mode) if mode else b"")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _BYTES:
            size, at = _read_varint(data, at)
            if at + size > len(data):
                raise ValueError("it ends too early")
            yield key >> 3, data[at : at + size]
            at += size
        elif kind == _VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value
        else:
            raise ValueError(f"wire type {kind} is not expected")


def _message(data: bytes, names: dict[int, type]) -> dict[int, int | bytes]:
    """The fields of a message without repeated ones; fields that aren't in ``names`` make the message non-canonical later."""
    found: dict[int, int | bytes] = {}
    for number, value in _fields(data):
        if number in names and not isinstance(value, names[number]):
            raise ValueError(f"field {number} has the wrong type")
        found[number] = value
    return found


def _text(fields: dict[int, int | bytes], number: int) -> str:
    value = fields.get(number, b"")
    return value.decode() if isinstance(value, bytes) else ""


def _read_digest(fields: dict[int, int | bytes]) -> Digest:
    data = fields.get(2, b"")
    inner = _message(data, {1: bytes, 2: int}) if isinstance(data, bytes) else {}
    name, size = _text(inner, 1), inner.get(2, 0)
    if not is_hash(name) or not isinstance(size, int):
        raise ValueError("a digest is not one")
    return Digest(hash=name, size=size)


def _read_mode(properties: int | bytes) -> int:
    if not isinstance(properties, bytes):
        raise ValueError("node properties are not a message")
    wrapped = _message(properties, {3: bytes}).get(3)
    if not isinstance(wrapped, bytes):
        raise ValueError("node properties without a mode")
    mode = _message(wrapped, {1: int}).get(1, 0)
    if not isinstance(mode, int) or mode > 0o7777:
        raise ValueError("a mode is out of range")
    return mode


def _decode(data: bytes) -> Directory:
    files: list[FileNode] = []
    directories: list[DirectoryNode] = []
    symlinks: list[SymlinkNode] = []
    mode = EXECUTABLE
    for number, value in _fields(data):
        if not isinstance(value, bytes):
            raise ValueError(f"field {number} has the wrong type")
        if number == 1:
            fields = _message(value, {1: bytes, 2: bytes, 4: int, 6: bytes})
            own = EXECUTABLE if fields.get(4) else PLAIN
            if 6 in fields:
                own = _read_mode(fields[6])
            files.append(FileNode(_text(fields, 1), _read_digest(fields), own))
        elif number == 2:
            fields = _message(value, {1: bytes, 2: bytes})
            directories.append(DirectoryNode(_text(fields, 1), _read_digest(fields)))
        elif number == 3:
            fields = _message(value, {1: bytes, 2: bytes})
            symlinks.append(SymlinkNode(_text(fields, 1), _text(fields, 2)))
        elif number == 5:
            mode = _read_mode(value)
    return Directory(tuple(files), tuple(directories), tuple(symlinks), mode)
