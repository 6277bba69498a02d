"""The builtin task ``sign``: EFI programs of the work directory, signed outside of the sandbox, so that no task ever sees a key.

Only the certificate and the enrolment files, which are public, get into hashes and outputs.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.metadata.recipe import TaskPayload

ENROLMENT = ("PK.auth", "KEK.auth", "db.auth")


def sign(payload: TaskPayload, work: Path, log: Path, say: Callable[[str], None]) -> None:
    """Signs each of SIGN_FILES (below the work directory) into SIGNEDDIR by HB_SIGN_COMMAND, whose words may hold ``{key}``,
    ``{certificate}``, ``{epoch}``, ``{input}`` and ``{output}``; the keys are db.key and db.crt of HB_SECUREBOOT_KEYS.
    Raises HadronbakeError if a key isn't there, or the command fails."""
    variables = payload.variables
    keys = Path(variables.get("HB_SECUREBOOT_KEYS") or "keys")
    command = shlex.split(variables.get("HB_SIGN_COMMAND") or "")
    target = work / Path(variables.get("SIGNEDDIR") or "signed").name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    places = {"key": keys / "db.key", "certificate": keys / "db.crt"}
    for name, place in places.items():
        if any(f"{{{name}}}" in word for word in command) and not place.exists():
            raise HadronbakeError(
                Diagnostic(
                    "HBE330",
                    f"{payload.pn} is to be signed, and {place} isn't there",
                    hint="make a set for development: hbake keys secureboot; or name your own directory in HB_SECUREBOOT_KEYS",
                )
            )
    for name in (variables.get("SIGN_FILES") or "").split():
        say(f"signing {name}")
        source = work / name
        values = {
            **places,
            "epoch": variables.get("SOURCE_DATE_EPOCH"),
            "input": source,
            "output": target / source.name,
        }
        _run([_filled(word, values) for word in command], log)
    if all((keys / name).exists() for name in ENROLMENT):
        (target / "keys").mkdir()
        for name in ENROLMENT:
            shutil.copyfile(keys / name, target / "keys" / name)


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
                "HBE331", f"HB_SIGN_COMMAND: {command[0]}: {error.strerror}", hint="install the package osslsigncode"
            )
        ) from None
    with log.open("a") as lines:
        lines.write(done.stdout + done.stderr)
    if done.returncode:
        raise HadronbakeError(
            Diagnostic("HBE332", f"{command[0]} failed with status {done.returncode}: {done.stderr.strip()[-1000:]}")
        )
