"""Signing by keys that are in a token (PKCS #11) and nowhere else, by the lines of docs/trusted-boot.md.

Needs softhsm2-util, pkcs11-tool, openssl's engine pkcs11, sbsign, osslsigncode (scripts/setup test installs them); gcc.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hadronbake.diagnostics import HadronbakeError
from hadronbake.execution import signing
from hadronbake.images import measure
from hadronbake.metadata.recipe import TaskPayload

DOCUMENT = Path(__file__).parents[2] / "docs/trusted-boot.md"
PROGRAMS = ("softhsm2-util", "pkcs11-tool", "sbsign", "sbverify", "osslsigncode", "openssl")


def missing() -> list[str]:
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if "openssl" not in absent and subprocess.run(["openssl", "engine", "pkcs11"], capture_output=True).returncode:
        absent.append("openssl's engine pkcs11")
    return absent


pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}")


def documented() -> dict[str, str]:
    """The configuration for a token, as the document has it."""
    page = DOCUMENT.read_text().partition("### In a token")[2].partition("\n## ")[0]
    values = dict(re.findall(r'^    (\w+) = "(.*)"$', page, re.M))
    assert values.keys() >= {
        "HB_SIGN_COMMAND",
        "HB_SIGN_DATA_COMMAND",
        "HB_SIGN_PCR_COMMAND",
        "TOKEN_MODULE",
        "TOKEN_PIN",
    }
    # The other way to sign a program, by sbsign.
    values["sbsign"] = re.findall(r'^    HB_SIGN_COMMAND = "(.*sbsign.*)"$', page, re.M)[0]
    values["osslsigncode"] = re.findall(r'^    HB_SIGN_COMMAND = "(osslsigncode.*)"$', page, re.M)[0]
    return values


class Token:
    """A token with the keys db and pcr, and a directory with their public parts."""

    def __init__(self, place: Path) -> None:
        self.keys, self.pin = place / "keys", place / "pin"
        for path in (self.keys, place / "tokens"):
            path.mkdir()
        (place / "softhsm2.conf").write_text(f"directories.tokendir = {place / 'tokens'}\nobjectstore.backend = file\n")
        self.pin.write_text("1234")
        self.values = documented()
        self.module = self.values["TOKEN_MODULE"]
        self.environment = {
            **os.environ,
            "SOFTHSM2_CONF": str(place / "softhsm2.conf"),
            "PKCS11_MODULE_PATH": self.module,
        }
        self.call("softhsm2-util", "--init-token", "--free", "--label", "signer", "--pin", "1234", "--so-pin", "5678")
        login = ["pkcs11-tool", "--module", self.module, "--token-label", "signer", "--login", "--pin", "1234"]
        for number, name in enumerate(("db", "pcr")):
            self.call(*login, "--keypairgen", "--key-type", "rsa:2048", "--id", f"0{number}", "--label", name)
        engine = ["-engine", "pkcs11"]
        request = ["-new", "-x509", *engine, "-keyform", "engine", "-subj", "/CN=db", "-out", str(self.keys / "db.crt")]
        self.call("openssl", "req", *request, "-key", self.uri("db"))
        self.call(
            "openssl",
            "pkey",
            *engine,
            "-inform",
            "engine",
            "-in",
            self.uri("pcr"),
            "-pubout",
            "-out",
            f"{self.keys}/pcr.pub",
        )

    def uri(self, name: str) -> str:
        return f"pkcs11:token=signer;object={name};type=private?pin-source=file:{self.pin}"

    def call(self, *command: str) -> None:
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def command(self, text: str) -> str:
        return text.replace("${TOKEN_MODULE}", self.module).replace("${TOKEN_PIN}", f"pin-source=file:{self.pin}")

    def sign(self, work: Path, by: str, **more: str) -> None:
        names = ("HB_SIGN_DATA_COMMAND", "HB_SIGN_PCR_COMMAND")
        values: dict[str, str | None] = {
            "SIGN_FILES": "uki/a.efi",
            "SIGN_PCR": "uki/a.efi",
            "SIGN_RELEASE": "a_1.efi=signed/a.efi",
            "SIGNEDDIR": "/hb/work/signed",
            "HB_SECUREBOOT_KEYS": str(self.keys),
            "SOURCE_DATE_EPOCH": "1767225600",
            "HB_SIGN_COMMAND": self.command(self.values[by]),
            "HB_SIGN_CHECK_COMMAND": "osslsigncode verify -CAfile {certificate} -in {output}",
            **{name: self.command(self.values[name]) for name in names},
            **more,
        }
        signing.sign(TaskPayload("x.bb", "x", "do_sign", (), values, {}), work, work / "log", lambda text: None)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Token:
    return Token(tmp_path_factory.mktemp("token"))


@pytest.fixture
def work(tmp_path: Path, token: Token, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work directory with an EFI program that has room for policies. The token's driver knows its place by the environment."""
    (tmp_path / "uki").mkdir()
    (tmp_path / "a.c").write_text(
        'char key[1024] __attribute__((section(".pcrpkey"))) = "\\n";'
        'char policies[8192] __attribute__((section(".pcrsig"))) = "\\n";'
        'char linux_[512] __attribute__((section(".linux"))) = "kernel";'
        "long efi_main(void *image, void *table) { return 0; }\n"
    )
    flags = ["-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-mno-red-zone", "-fno-ident", "-ffreestanding"]
    subprocess.run(["gcc", "-c", *flags, "-o", "a.o", "a.c"], cwd=tmp_path, check=True)
    command = ["ld", "-m", "i386pep", "--subsystem", "10", "-e", "efi_main", "-o", "uki/a.efi", "a.o"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr(
        signing, "_ENVIRONMENT", {key: value for key, value in token.environment.items() if "PKCS" not in key}
    )
    return tmp_path


def verified(program: Path, certificate: Path) -> bool:
    done = subprocess.run(["sbverify", "--cert", certificate, program], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "Signature verification OK" in done.stdout


@pytest.mark.parametrize("by", ["osslsigncode", "sbsign"])
def test_a_key_that_is_only_in_the_token_signs(token: Token, work: Path, by: str) -> None:
    assert sorted(path.name for path in token.keys.iterdir()) == ["db.crt", "pcr.pub"]
    token.sign(work, by)
    assert verified(work / "signed/a.efi", token.keys / "db.crt")
    # Policies and the list were checked by sign itself.
    entry = json.loads(measure.sections((work / "signed/a.efi").read_bytes())[".pcrsig"])["sha256"][0]
    assert entry["pol"] == measure.policy(measure.value((work / "signed/a.efi").read_bytes())).hex()
    assert (work / "signed/SHA256SUMS.sig").stat().st_size == 256


def test_two_signatures_are_the_same(token: Token, work: Path) -> None:
    token.sign(work, "osslsigncode")
    first = {path.name: path.read_bytes() for path in (work / "signed").iterdir()}
    token.sign(work, "osslsigncode")
    assert {path.name: path.read_bytes() for path in (work / "signed").iterdir()} == first


def test_the_wrong_key_of_the_token_is_noticed(token: Token, work: Path) -> None:
    """With a certificate of its own, a program is well signed, but not by whom machines trust."""
    other = work / "other.crt"
    token.call(
        *("openssl", "req", "-new", "-x509", "-engine", "pkcs11", "-keyform", "engine", "-subj", "/CN=other"),
        *("-key", token.uri("pcr"), "-out", str(other)),
    )
    for name, by in (("HB_SIGN_COMMAND", "osslsigncode"), ("HB_SIGN_COMMAND", "sbsign"), ("HB_SIGN_DATA_COMMAND", "")):
        command = token.command(token.values[by or name]).replace("object=db", "object=pcr")
        with pytest.raises(HadronbakeError, match=f"HBE334(?s:.*){name} must use the key"):
            token.sign(work, "osslsigncode", **{name: command.replace("{certificate}", str(other))})


@pytest.mark.parametrize("by", ["osslsigncode", "sbsign"])
def test_a_token_that_does_not_open(token: Token, work: Path, by: str) -> None:
    token.pin.write_text("4321")
    try:
        with pytest.raises(HadronbakeError, match="HBE332"):
            token.sign(work, by)
    finally:
        token.pin.write_text("1234")
