"""The disk of a trusted image, as far as it needs no tools: texts, places, measurements."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hadronbake.diagnostics import HadronbakeError
from hadronbake.images import disk, measure, uki, verity
from hadronbake.images.disk import Partition

MEBIBYTE = 1 << 20
SEALED = verity.Verity(blocks=10, root_hash="ab" * 32, salt="cd" * 32)


def program(**sections: bytes) -> bytes:
    """A PE program with nothing but sections; each is padded to 512 bytes in the file, as linkers do."""
    head = bytearray(0x3C) + struct.pack("<I", 0x40) + b"PE\0\0" + struct.pack("<HH12xHH", 0x8664, len(sections), 0, 0)
    body, place = b"", 1024
    for name, content in sections.items():
        size = -(-len(content) // 512) * 512
        head += struct.pack("<8sIIII16x", f".{name}".encode(), len(content), 0, size, place)
        body += content.ljust(size, b"\0")
        place += size
    return bytes(head).ljust(1024, b"\0") + body


def test_what_is_measured(tmp_path: Path) -> None:
    (tmp_path / "a.efi").write_bytes(program(text=b"code", osrel=b"ID=x", cmdline=b"ro", linux=b"kernel"))
    value = bytes(32)
    for part in (b".linux\0", b"kernel", b".osrel\0", b"ID=x", b".cmdline\0", b"ro"):
        value = hashlib.sha256(value + hashlib.sha256(part).digest()).digest()
    assert measure.pcr11(tmp_path / "a.efi") == value.hex()


def test_phases_come_after_what_is_measured() -> None:
    content = program(linux=b"kernel")
    value = measure.value(content)
    for phase in (b"sysinit", b"ready"):
        value = hashlib.sha256(value + hashlib.sha256(phase).digest()).digest()
    assert measure.value(content, ("sysinit", "ready")) == value


def test_the_policy_is_the_digest_that_a_tpm_makes() -> None:
    # TPM2_PolicyPCR: zeros, the command's code, one selection (SHA-256, three bytes with the bit of PCR 11), the digest of the values.
    command = bytes(32) + bytes.fromhex("0000017f00000001000b03000800") + hashlib.sha256(b"\1" * 32).digest()
    assert measure.policy(b"\1" * 32) == hashlib.sha256(command).digest()


def test_a_sealed_program_holds_the_key_and_the_signed_policies() -> None:
    key = rsa.generate_private_key(65537, 1024).public_key()
    public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    room = {"pcrpkey": b"\n" * 400, "pcrsig": b"\n" * 2000}
    sealed = measure.seal(program(linux=b"kernel", **room), public, lambda data: b"signed " + data)
    found = measure.sections(sealed)
    assert found[".pcrpkey"] == public.ljust(400, b"\n")
    entries = json.loads(found[".pcrsig"])["sha256"]
    # systemd knows a key by the hash of what is in the bit string.
    bits = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).partition(b"\x03\x81\x8d\x00")[2]
    assert {entry["pkfp"] for entry in entries} == {hashlib.sha256(bits).hexdigest()}
    # The key is measured, the signatures aren't: the policies are those of the program as it is in the end.
    expected = [measure.policy(measure.value(sealed, phases)) for phases in measure.PHASES]
    assert [entry["pol"] for entry in entries] == [digest.hex() for digest in expected]
    assert [base64.b64decode(entry["sig"]) for entry in entries] == [b"signed " + digest for digest in expected]
    assert {tuple(entry["pcrs"]) for entry in entries} == {(11,)}


def test_sealing_needs_room() -> None:
    with pytest.raises(ValueError, match=r"no section \.pcrpkey"):
        measure.seal(program(linux=b"kernel"), b"key", bytes)
    with pytest.raises(ValueError, match=r"201 bytes don't fit into the section \.pcrpkey of 200"):
        measure.seal(program(pcrpkey=b"\n" * 200, pcrsig=b"\n"), b"k" * 201, bytes)
    with pytest.raises(ValueError, match="the public key isn't one in PEM form"):
        measure.seal(program(linux=b"kernel", pcrpkey=b"\n" * 200, pcrsig=b"\n"), b"a2V5", bytes)
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    public = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="the public key isn't one in PEM form"):
        measure.seal(program(linux=b"kernel", pcrpkey=b"\n" * 200, pcrsig=b"\n"), public, bytes)


def test_what_is_no_program_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "a.efi").write_bytes(bytes(100))
    with pytest.raises(ValueError, match="not a PE program"):
        measure.pcr11(tmp_path / "a.efi")


def test_command_line() -> None:
    table = f"0 80 verity 1 PARTLABEL=hadron_7 PARTLABEL=hadron_7_verity 4096 4096 10 1 sha256 {'ab' * 32} {'cd' * 32}"
    assert uki.command_line(SEALED, "7", "quiet") == (
        f'dm-mod.create="root,,,ro,{table} 1 restart_on_corruption" '
        "dm-mod.waitfor=PARTLABEL=hadron_7,PARTLABEL=hadron_7_verity "
        "root=/dev/dm-0 rootfstype=erofs ro rootwait=30 panic=1 quiet"
    )


def test_os_release_has_one_version() -> None:
    assert uki.os_release("ID=hadron\nIMAGE_VERSION=1\n", "2") == "ID=hadron\nIMAGE_VERSION=2\n"


def test_partitions_follow_each_other() -> None:
    parts = [
        Partition("esp", disk.ESP, 3 * MEBIBYTE),
        Partition("root", disk.ROOT, 2 * MEBIBYTE, None, disk.READ_ONLY),
        Partition("state", disk.VAR, MEBIBYTE),
    ]
    assert disk.layout(parts) == [MEBIBYTE, 4 * MEBIBYTE, 6 * MEBIBYTE]
    lines = disk.script(parts).splitlines()
    assert lines[0] == "label: gpt"
    assert f"start=8192, size=4096, type={disk.ROOT}" in lines[5]
    assert lines[5].endswith('name="root", attrs="GUID:60"')
    # Two empty slots have one name; their numbers differ.
    twice = disk.script([Partition("_empty", disk.ROOT, MEBIBYTE)] * 2).splitlines()[-2:]
    assert len({line.split("uuid=")[1][:36] for line in twice}) == 2


def test_the_boot_partition(tmp_path: Path) -> None:
    signed = tmp_path / "signed"
    (signed / "keys").mkdir(parents=True)
    (signed / "hadron.efi").write_bytes(b"program")
    (signed / "systemd-boot.efi").write_bytes(b"loader")
    (signed / "keys/db.auth").write_bytes(b"db")
    tree = disk.boot_tree(tmp_path / "tree", signed, "hadron_7+3", "force")
    assert (tree / "EFI/Linux/hadron_7+3.efi").read_bytes() == b"program"
    assert (tree / "EFI/BOOT/BOOTX64.EFI").read_bytes() == b"loader"
    assert (tree / "loader/keys/auto/db.auth").read_bytes() == b"db"
    assert "secure-boot-enroll force\n" in (tree / "loader/loader.conf").read_text()


def test_seal_says_what_went_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin/veritysetup"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho no space >&2\nexit 3\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    (tmp_path / "data").write_bytes(bytes(4096))
    with pytest.raises(HadronbakeError, match="veritysetup failed with status 3: no space"):
        verity.seal(tmp_path / "data", tmp_path / "tree")
