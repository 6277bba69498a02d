"""Directory messages: the same bytes as protobuf makes, and nothing that leads out of a directory."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadronbake.artifacts.digest import of_bytes
from hadronbake.artifacts.record import Digest
from hadronbake.artifacts.tree import Directory, DirectoryNode, FileNode, SymlinkNode, decode, encode
from hadronbake.diagnostics import HadronbakeError

BYTES, INT64, UINT32, BOOL, MESSAGE = 9, 3, 13, 8, 11
FIELDS: dict[str, list[tuple[str, int, int, str | None, bool]]] = {
    "Digest": [("hash", 1, BYTES, None, False), ("size_bytes", 2, INT64, None, False)],
    "UInt32Value": [("value", 1, UINT32, None, False)],
    "NodeProperties": [("unix_mode", 3, MESSAGE, "UInt32Value", False)],
    "FileNode": [
        ("name", 1, BYTES, None, False),
        ("digest", 2, MESSAGE, "Digest", False),
        ("is_executable", 4, BOOL, None, False),
        ("node_properties", 6, MESSAGE, "NodeProperties", False),
    ],
    "DirectoryNode": [("name", 1, BYTES, None, False), ("digest", 2, MESSAGE, "Digest", False)],
    "SymlinkNode": [("name", 1, BYTES, None, False), ("target", 2, BYTES, None, False)],
    "Directory": [
        ("files", 1, MESSAGE, "FileNode", True),
        ("directories", 2, MESSAGE, "DirectoryNode", True),
        ("symlinks", 3, MESSAGE, "SymlinkNode", True),
        ("node_properties", 5, MESSAGE, "NodeProperties", False),
    ],
}


def messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="reapi_test.proto", package="t", syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, inner, repeated in fields:
            made = message.field.add(name=field, number=number, type=kind, label=3 if repeated else 1)
            if inner:
                made.type_name = f".t.{inner}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}")) for name in FIELDS}


MESSAGES = messages()

# A machine that builds beside the tests is slow: time is no finding.
patient = settings(suppress_health_check=[HealthCheck.too_slow])


def by_protobuf(directory: Directory) -> bytes:
    message = MESSAGES["Directory"]()
    for file in sorted(directory.files, key=lambda node: node.name.encode()):
        made = message.files.add(name=file.name, is_executable=bool(file.mode & 0o111))
        made.digest.hash, made.digest.size_bytes = file.digest.hash, file.digest.size
        if file.mode not in (0o644, 0o755):
            made.node_properties.unix_mode.value = file.mode
            made.node_properties.unix_mode.SetInParent()
    for child in sorted(directory.directories, key=lambda node: node.name.encode()):
        made = message.directories.add(name=child.name)
        made.digest.hash, made.digest.size_bytes = child.digest.hash, child.digest.size
    for link in sorted(directory.symlinks, key=lambda node: node.name.encode()):
        message.symlinks.add(name=link.name, target=link.target)
    if directory.mode != 0o755:
        message.node_properties.unix_mode.value = directory.mode
        message.node_properties.unix_mode.SetInParent()
    data: bytes = message.SerializeToString(deterministic=True)
    return data


names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=200).filter(
    lambda name: name not in (".", "..")
)
digests = st.builds(lambda data, size: Digest(hash=of_bytes(data).hash, size=size), st.binary(), st.integers(0, 2**62))
modes = st.sampled_from([0o644, 0o755]) | st.integers(0, 0o7777)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    all_names = draw(st.lists(names, unique=True, max_size=9))
    files, children, links = [], [], []
    for name in all_names:
        match draw(st.integers(0, 2)):
            case 0:
                files.append(FileNode(name, draw(digests), draw(modes)))
            case 1:
                children.append(DirectoryNode(name, draw(digests)))
            case _:
                links.append(SymlinkNode(name, draw(names)))
    return Directory(tuple(files), tuple(children), tuple(links), draw(modes))


@patient
@given(directories())
def test_the_encoding_is_protobufs_and_comes_back(directory: Directory) -> None:
    data = encode(directory)
    assert data == by_protobuf(directory)
    again = decode(data)
    assert encode(again) == data
    assert set(again.files) == set(directory.files)
    assert set(again.directories) == set(directory.directories)
    assert set(again.symlinks) == set(directory.symlinks)
    assert again.mode == directory.mode


def test_the_order_of_children_does_not_matter() -> None:
    digest = of_bytes(b"x")
    one, two = FileNode("a", digest), FileNode("B", digest)
    assert encode(Directory(files=(one, two))) == encode(Directory(files=(two, one)))


@pytest.mark.parametrize("name", ["..", ".", "a/b", "/etc", "", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    data = encode(Directory(symlinks=(SymlinkNode(name, "x"),)))
    with pytest.raises(HadronbakeError) as caught:
        decode(data)
    assert caught.value.diagnostics[0].code == "HBA007"


def test_one_name_twice_is_refused() -> None:
    data = encode(Directory(symlinks=(SymlinkNode("a", "x"),), files=(FileNode("a", of_bytes(b"")),)))
    with pytest.raises(HadronbakeError, match="two entries of one name"):
        decode(data)


def test_a_digest_that_is_a_path_is_refused() -> None:
    data = encode(Directory(files=(FileNode("a", Digest(hash="../../etc/passwd", size=1)),)))
    with pytest.raises(HadronbakeError, match="a digest is not one"):
        decode(data)


def test_unsorted_children_are_refused() -> None:
    first = encode(Directory(files=(FileNode("a", of_bytes(b"")),)))
    second = encode(Directory(files=(FileNode("b", of_bytes(b"")),)))
    assert decode(first + second).files[1].name == "b"
    with pytest.raises(HadronbakeError, match="canonical"):
        decode(second + first)


@patient
@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        directory = decode(data)
    except HadronbakeError:
        return
    assert encode(directory) == data


@patient
@given(directories(), st.data())
def test_a_truncated_or_flipped_message_never_reads_as_the_same_tree(directory: Directory, data: st.DataObject) -> None:
    good = bytearray(encode(directory))
    if not good:
        return
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        changed = decode(bytes(good))
    except HadronbakeError:
        return
    assert changed != decode(encode(directory))
    assert encode(changed) == good


@patient
@given(directories())
def test_the_quick_way_of_decoding_is_as_strict(directory: Directory) -> None:
    """Each byte of a message in turn, flipped, left out or doubled: what is accepted is canonical."""
    good = encode(directory)
    for at in range(len(good)):
        flipped = bytes((good[at] ^ 1 << at % 8,))
        for middle in (flipped, b"", good[at : at + 1] * 2):
            data = good[:at] + middle + good[at + 1 :]
            try:
                changed = decode(data)
            except HadronbakeError:
                continue
            assert encode(changed) == data
