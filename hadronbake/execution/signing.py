"""The builtin task ``sign``: EFI programs of the work directory and the list of a release's files, signed outside of the sandbox,
so that no task ever sees a key.

Only the certificate and the enrolment files, which are public, get into hashes and outputs.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import measure
from hadronbake.metadata.recipe import TaskPayload

PCR_SCRATCH = ".pcr"
# Taken now, for a token's driver may be told of by it: while recipes are evaluated in another thread, the process's own is theirs.
_ENVIRONMENT = dict(os.environ)
ENROLMENT = ("PK.auth", "KEK.auth", "db.auth")


def sign(payload: TaskPayload, work: Path, log: Path, say: Callable[[str], None]) -> None:
    """Signs each of SIGN_FILES (below the work directory) into SIGNEDDIR by HB_SIGN_COMMAND, whose words may hold ``{key}``,
    ``{certificate}``, ``{epoch}``, ``{input}`` and ``{output}``; the keys are db.key and db.crt of HB_SECUREBOOT_KEYS. Then writes
    SHA256SUMS of SIGN_RELEASE (words NAME=FILE), and its signature SHA256SUMS.sig by HB_SIGN_DATA_COMMAND.
    Before, those of SIGN_PCR get the policies for PCR 11, signed by HB_SIGN_PCR_COMMAND with pcr.key, if the keys have a pcr.pub.
    Each signature is checked: of programs by HB_SIGN_CHECK_COMMAND (if it isn't empty), of the others here.
    Raises HadronbakeError if a key isn't there, a command fails, or what it made isn't a signature by the key of db.crt or pcr.pub."""
    variables = payload.variables
    keys = Path(variables.get("HB_SECUREBOOT_KEYS") or "keys")
    command = shlex.split(variables.get("HB_SIGN_COMMAND") or "")
    check_command = shlex.split(variables.get("HB_SIGN_CHECK_COMMAND") or "")
    data_command = shlex.split(variables.get("HB_SIGN_DATA_COMMAND") or "")
    target = work / Path(variables.get("SIGNEDDIR") or "signed").name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    release = [word.partition("=")[::2] for word in (variables.get("SIGN_RELEASE") or "").split()]
    places = {"key": keys / "db.key", "certificate": keys / "db.crt"}
    for name, place in places.items():
        used = any(f"{{{name}}}" in word for word in (*command, *check_command, *data_command))
        if (used or (release and name == "certificate")) and not place.exists():
            raise HadronbakeError(
                Diagnostic(
                    "HBE330",
                    f"{payload.pn} is to be signed, and {place} isn't there",
                    hint="make a set for development: hbake keys secureboot; or name your own directory in HB_SECUREBOOT_KEYS",
                )
            )
    pcr = (variables.get("SIGN_PCR") or "").split()
    for name in (variables.get("SIGN_FILES") or "").split():
        say(f"signing {name}")
        source = work / name
        if name in pcr and (keys / "pcr.pub").exists():
            source = _with_policies(source, target, keys, shlex.split(variables.get("HB_SIGN_PCR_COMMAND") or ""), log)
        values = {
            **places,
            "epoch": variables.get("SOURCE_DATE_EPOCH"),
            "input": source,
            "output": target / Path(name).name,
        }
        _run([_filled(word, values) for word in command], log)
        if check_command:
            try:
                _run([_filled(word, values) for word in check_command], log)
            except HadronbakeError as error:
                if error.diagnostics[0].code != "HBE332":
                    raise
                raise _not_by(places["certificate"], name, "HB_SIGN_COMMAND") from None
    shutil.rmtree(target / PCR_SCRATCH, ignore_errors=True)
    if release:
        sums = target / "SHA256SUMS"
        sums.write_text("".join(f"{_digest(work / path)}  {name}\n" for name, path in sorted(release)))
        values = {**places, "epoch": variables.get("SOURCE_DATE_EPOCH"), "input": sums, "output": f"{sums}.sig"}
        _run([_filled(word, values) for word in data_command], log)
        if not _signed(sums.read_bytes(), Path(f"{sums}.sig"), places["certificate"]):
            raise _not_by(places["certificate"], sums.name, "HB_SIGN_DATA_COMMAND")
    if all((keys / name).exists() for name in ENROLMENT):
        (target / "keys").mkdir()
        for name in ENROLMENT:
            shutil.copyfile(keys / name, target / "keys" / name)


def _with_policies(program: Path, target: Path, keys: Path, command: list[str], log: Path) -> Path:
    """A copy of the program that holds the public key and what its policies' signatures are; for :func:`measure.seal`."""
    scratch = target / PCR_SCRATCH
    scratch.mkdir(exist_ok=True)

    def signature(data: bytes) -> bytes:
        (scratch / "data").write_bytes(data)
        values = {"key": keys / "pcr.key", "input": scratch / "data", "output": scratch / "signature"}
        _run([_filled(word, values) for word in command], log)
        if not _signed(data, scratch / "signature", keys / "pcr.pub"):
            raise _not_by(keys / "pcr.pub", f"the policy of {program.name}", "HB_SIGN_PCR_COMMAND")
        return (scratch / "signature").read_bytes()

    try:
        content = measure.seal(program.read_bytes(), (keys / "pcr.pub").read_bytes(), signature)
    except ValueError as error:
        raise HadronbakeError(Diagnostic("HBE333", f"{program.name}: {error}")) from None
    sealed = scratch / program.name
    sealed.write_bytes(content)
    return sealed


def _signed(data: bytes, signature: Path, public: Path) -> bool:
    """Whether the file is an RSA signature (PKCS #1 v1.5, SHA-256) of ``data`` by the key of ``public``, a certificate or a key."""
    # Not above: few builds sign.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    content = public.read_bytes()
    try:
        key = (
            load_pem_x509_certificate(content).public_key() if public.suffix == ".crt" else load_pem_public_key(content)
        )
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(signature.read_bytes(), data, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature, FileNotFoundError):
        return False
    return True


def _not_by(public: Path, what: str, variable: str) -> HadronbakeError:
    return HadronbakeError(
        Diagnostic(
            "HBE334",
            f"{what} isn't signed by the key of {public}",
            hint=f"{variable} must use the key that belongs to it; machines would refuse what it made",
        )
    )


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _filled(word: str, values: Mapping[str, object]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", str(value))
    return word


def _run(command: list[str], log: Path) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=_ENVIRONMENT
        )
    except OSError as error:
        raise HadronbakeError(
            Diagnostic(
                "HBE331",
                f"{command[0]}, which is to sign: {error.strerror}",
                hint="the default signers are in the packages osslsigncode and openssl",
            )
        ) from None
    with log.open("a") as lines:
        lines.write(done.stdout + done.stderr)
    if done.returncode:
        raise HadronbakeError(
            Diagnostic("HBE332", f"{command[0]} failed with status {done.returncode}: {done.stderr.strip()[-1000:]}")
        )
