"""The builtin task ``sign``: EFI programs of the work directory and the list of a release's files, signed outside of the sandbox,
so that no task ever sees a key.

Only the certificate and the enrolment files, which are public, get into hashes and outputs.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import measure
from hadronbake.metadata.recipe import TaskPayload

PCR_SCRATCH = ".pcr"
ENROLMENT = ("PK.auth", "KEK.auth", "db.auth")


def sign(payload: TaskPayload, work: Path, log: Path, say: Callable[[str], None]) -> None:
    """Signs each of SIGN_FILES (below the work directory) into SIGNEDDIR by HB_SIGN_COMMAND, whose words may hold ``{key}``,
    ``{certificate}``, ``{epoch}``, ``{input}`` and ``{output}``; the keys are db.key and db.crt of HB_SECUREBOOT_KEYS. Then writes
    SHA256SUMS of SIGN_RELEASE (words NAME=FILE), and its signature SHA256SUMS.sig by HB_SIGN_DATA_COMMAND.
    Before, those of SIGN_PCR get the policies for PCR 11, signed by HB_SIGN_PCR_COMMAND with pcr.key, if the keys have a pcr.pub.
    Raises HadronbakeError if a key isn't there, or a command fails."""
    variables = payload.variables
    keys = Path(variables.get("HB_SECUREBOOT_KEYS") or "keys")
    command = shlex.split(variables.get("HB_SIGN_COMMAND") or "")
    data_command = shlex.split(variables.get("HB_SIGN_DATA_COMMAND") or "")
    target = work / Path(variables.get("SIGNEDDIR") or "signed").name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    places = {"key": keys / "db.key", "certificate": keys / "db.crt"}
    for name, place in places.items():
        if any(f"{{{name}}}" in word for word in (*command, *data_command)) and not place.exists():
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
    shutil.rmtree(target / PCR_SCRATCH, ignore_errors=True)
    release = [word.partition("=")[::2] for word in (variables.get("SIGN_RELEASE") or "").split()]
    if release:
        sums = target / "SHA256SUMS"
        sums.write_text("".join(f"{_digest(work / path)}  {name}\n" for name, path in sorted(release)))
        values = {**places, "epoch": variables.get("SOURCE_DATE_EPOCH"), "input": sums, "output": f"{sums}.sig"}
        _run([_filled(word, values) for word in data_command], log)
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
        return (scratch / "signature").read_bytes()

    try:
        content = measure.seal(program.read_bytes(), (keys / "pcr.pub").read_bytes(), signature)
    except ValueError as error:
        raise HadronbakeError(Diagnostic("HBE333", f"{program.name}: {error}")) from None
    sealed = scratch / program.name
    sealed.write_bytes(content)
    return sealed


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _filled(word: str, values: Mapping[str, object]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", str(value))
    return word


def _run(command: list[str], log: Path) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
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
