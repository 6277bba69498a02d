"""The builtin task "sign": no key gets into the work directory, and each failure says what to do."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
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


OPENSSL = "openssl dgst -sha256 -sign {key} -out {output} {input}"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys whose signatures can be checked: db and pcr, and other.key, which belongs to neither."""
    made = tmp_path_factory.mktemp("real")
    for name in ("db", "pcr", "other"):
        command = ["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"]
        command += ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        subprocess.run(command, cwd=made, check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", "pcr.key", "-pubout", "-out", "pcr.pub"], cwd=made, check=True)
    return made


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


def test_a_release_is_listed_and_signed(work: Path, real: Path) -> None:
    more = {"SIGN_RELEASE": "x_1.efi=signed/a.efi", "HB_SIGN_DATA_COMMAND": OPENSSL}
    sign(payload(real, "cp {input} {output}", **more), work, work / "log", lambda text: None)
    listed = hashlib.sha256(b"program\n").hexdigest() + "  x_1.efi\n"
    assert (work / "signed/SHA256SUMS").read_text() == listed
    command = [
        *shlex.split(OPENSSL.format(key=real / "db.key", input=work / "signed/SHA256SUMS", output=work / "expected"))
    ]
    subprocess.run(command, check=True)
    assert (work / "signed/SHA256SUMS.sig").read_bytes() == (work / "expected").read_bytes()


def test_policies_are_put_in_before_the_program_is_signed(
    work: Path, real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seal(program: bytes, public: bytes, signature: Callable[[bytes], bytes]) -> bytes:
        return program + public + hashlib.sha256(signature(b"policy\n")).hexdigest().encode()

    monkeypatch.setattr("hadronbake.images.measure.seal", seal)
    keys = work.parent / "keys"
    more = {"SIGN_PCR": "uki/a.efi", "HB_SIGN_PCR_COMMAND": OPENSSL}
    sign(payload(keys, "cp {input} {output}", **more), work, work / "log", lambda text: None)
    assert (work / "signed/a.efi").read_text() == "program\n"
    for name in ("pcr.key", "pcr.pub"):
        shutil.copyfile(real / name, keys / name)
    sign(payload(keys, "sh -c 'cat {input} {certificate} > {output}'", **more), work, work / "log", lambda text: None)
    (tmp_path / "policy").write_bytes(b"policy\n")
    command = OPENSSL.format(key=real / "pcr.key", input=tmp_path / "policy", output=tmp_path / "signature")
    subprocess.run(shlex.split(command), check=True)
    signature = hashlib.sha256((tmp_path / "signature").read_bytes()).hexdigest()
    assert (work / "signed/a.efi").read_text() == f"program\n{(real / 'pcr.pub').read_text()}{signature}db.crt\n"
    assert sorted(path.name for path in (work / "signed").iterdir()) == ["a.efi", "keys"]


def test_what_another_key_has_signed_is_refused(work: Path, real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**more: str) -> str:
        with pytest.raises(HadronbakeError) as caught:
            sign(payload(real, "cp {input} {output}", **more), work, work / "log", lambda text: None)
        return str(caught.value).replace(str(real), "<keys>").strip()

    other = OPENSSL.replace("{key}", str(real / "other.key"))
    for command in (other, "touch {output}", "true"):
        assert (
            fails(SIGN_RELEASE="x_1.efi=signed/a.efi", HB_SIGN_DATA_COMMAND=command)
            == "error[HBE334]: SHA256SUMS isn't signed by the key of <keys>/db.crt\n"
            "  = hint: HB_SIGN_DATA_COMMAND must use the key that belongs to it; machines would refuse what it made"
        )
    assert (
        fails(HB_SIGN_CHECK_COMMAND="grep -q {certificate} {output}")
        == "error[HBE334]: uki/a.efi isn't signed by the key of <keys>/db.crt\n"
        "  = hint: HB_SIGN_COMMAND must use the key that belongs to it; machines would refuse what it made"
    )
    assert "HBE331" in fails(HB_SIGN_CHECK_COMMAND="no-such-program")
    monkeypatch.setattr("hadronbake.images.measure.seal", lambda program, public, signature: signature(b"policy"))
    assert (
        fails(SIGN_PCR="uki/a.efi", HB_SIGN_PCR_COMMAND=other)
        == "error[HBE334]: the policy of a.efi isn't signed by the key of <keys>/pcr.pub\n"
        "  = hint: HB_SIGN_PCR_COMMAND must use the key that belongs to it; machines would refuse what it made"
    )


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
