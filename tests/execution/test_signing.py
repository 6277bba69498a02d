"""The builtin task "sign": no key gets into the work directory, and each failure says what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution.signing import sign
from hadronbake.metadata.recipe import TaskPayload


def payload(keys: Path, command: str, **more: str) -> TaskPayload:
    values: dict[str, str | None] = {
        "SIGN_FILES": "uki/a.efi",
        "SIGNEDDIR": "/hb/work/signed",
        "HB_SECUREBOOT_KEYS": str(keys),
        "HB_SIGN_COMMAND": command,
        "SOURCE_DATE_EPOCH": "5",
        **more,
    }
    return TaskPayload("x.bb", "x", "do_sign", (), values, {})


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work/uki").mkdir(parents=True)
    (tmp_path / "work/uki/a.efi").write_text("program\n")
    (tmp_path / "keys").mkdir()
    for name in ("db.key", "db.crt", "PK.auth", "KEK.auth", "db.auth"):
        (tmp_path / "keys" / name).write_text(name + "\n")
    return tmp_path / "work"


def test_the_command_signs(work: Path) -> None:
    said: list[str] = []
    sign(
        payload(work.parent / "keys", "sh -c 'cat {certificate} {input} > {output}; echo {epoch}'"),
        work,
        work / "log",
        said.append,
    )
    assert (work / "signed/a.efi").read_text() == "db.crt\nprogram\n"
    assert (work / "log").read_text() == "5\n"
    assert said == ["signing uki/a.efi"]
    assert sorted(path.name for path in (work / "signed/keys").iterdir()) == ["KEK.auth", "PK.auth", "db.auth"]
    assert "db.key\n" not in [path.read_text() for path in work.rglob("*") if path.is_file()]


def test_a_release_is_listed_and_signed(work: Path) -> None:
    more = {"SIGN_RELEASE": "x_1.efi=signed/a.efi", "HB_SIGN_DATA_COMMAND": "sh -c 'cat {key} {input} > {output}'"}
    sign(payload(work.parent / "keys", "cp {input} {output}", **more), work, work / "log", lambda text: None)
    listed = hashlib.sha256(b"program\n").hexdigest() + "  x_1.efi\n"
    assert (work / "signed/SHA256SUMS").read_text() == listed
    assert (work / "signed/SHA256SUMS.sig").read_text() == "db.key\n" + listed


def test_policies_are_put_in_before_the_program_is_signed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def seal(program: bytes, public: bytes, signature: Callable[[bytes], bytes]) -> bytes:
        return program + public + signature(b"policy\n")

    monkeypatch.setattr("hadronbake.images.measure.seal", seal)
    keys = work.parent / "keys"
    more = {"SIGN_PCR": "uki/a.efi", "HB_SIGN_PCR_COMMAND": "sh -c 'cat {key} {input} > {output}'"}
    sign(payload(keys, "cp {input} {output}", **more), work, work / "log", lambda text: None)
    assert (work / "signed/a.efi").read_text() == "program\n"
    for name in ("pcr.key", "pcr.pub"):
        (keys / name).write_text(name + "\n")
    sign(payload(keys, "sh -c 'cat {input} {certificate} > {output}'", **more), work, work / "log", lambda text: None)
    assert (work / "signed/a.efi").read_text() == "program\npcr.pub\npcr.key\npolicy\ndb.crt\n"
    assert sorted(path.name for path in (work / "signed").iterdir()) == ["a.efi", "keys"]


def test_a_program_without_room_for_policies(work: Path) -> None:
    keys = work.parent / "keys"
    (keys / "pcr.pub").write_text("key\n")
    (work / "uki/a.efi").write_bytes(bytes(200))
    with pytest.raises(HadronbakeError) as caught:
        sign(payload(keys, "cp {input} {output}", SIGN_PCR="uki/a.efi"), work, work / "log", lambda text: None)
    assert str(caught.value) == "error[HBE333]: a.efi: not a PE program"


@pytest.mark.parametrize(
    ("command", "missing", "text"),
    [
        (
            "sh -c 'cp {input} {output}' {key}",
            "db.key",
            "error[HBE330]: x is to be signed, and <keys>/db.key isn't there\n"
            "  = hint: make a set for development: hbake keys secureboot; or name your own directory in HB_SECUREBOOT_KEYS",
        ),
        (
            "no-such-signer {input}",
            "",
            "error[HBE331]: no-such-signer, which is to sign: No such file or directory\n"
            "  = hint: the default signers are in the packages osslsigncode and openssl",
        ),
        ("sh -c 'echo wrong password >&2; exit 7'", "", "error[HBE332]: sh failed with status 7: wrong password"),
    ],
)
def test_failures(work: Path, command: str, missing: str, text: str) -> None:
    keys = work.parent / "keys"
    if missing:
        (keys / missing).unlink()
    with pytest.raises(HadronbakeError) as caught:
        sign(payload(keys, command), work, work / "log", lambda text: None)
    assert str(caught.value).replace(str(keys), "<keys>").strip() == text
