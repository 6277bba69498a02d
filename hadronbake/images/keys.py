"""Secure Boot keys for development: platform key, key exchange key and signature database (UEFI specification 2.10 §32).

A set is a directory: ``{PK,KEK,db}.key`` (RSA 2048, PEM, mode 0600), ``.crt`` (X.509, PEM), ``.auth`` (signed EFI variable,
which the boot loader can enrol by itself), and ``guid``, the owner's; and the pair ``pcr.key``, ``pcr.pub`` (RSA 2048, PEM),
which signs the values of PCR 11 for which a TPM lets go the key of the state.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError

NAMES = ("PK", "KEK", "db")
# Whose key signs a variable.
SIGNER: Mapping[str, str] = {"PK": "PK", "KEK": "PK", "db": "KEK"}
DAYS = 3650


def make_secureboot(target: Path, name: str) -> None:
    """Makes a new set for ``name`` (a part of the certificates' subjects). Raises HadronbakeError if ``target`` exists, or
    openssl or efitools fail; then nothing is left."""
    if target.exists():
        raise HadronbakeError(
            Diagnostic(
                "HBI140", f"{target} is there already", hint="remove it first if its keys are of no use any more"
            )
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".keys-") as scratch:
        made = Path(scratch) / "set"
        made.mkdir(mode=0o700)
        guid = str(uuid.uuid4())
        (made / "guid").write_text(guid + "\n")
        for item in NAMES:
            _certificate(made, item, f"/CN={name} {item}/")
            _call(made, "cert-to-efi-sig-list", "-g", guid, f"{item}.crt", f"{item}.esl")
        for item in NAMES:
            key = SIGNER[item]
            _call(
                made,
                "sign-efi-sig-list",
                "-g",
                guid,
                "-k",
                f"{key}.key",
                "-c",
                f"{key}.crt",
                item,
                f"{item}.esl",
                f"{item}.auth",
            )
        _pair(made, "pcr")
        made.rename(target)


def _pair(made: Path, item: str) -> None:
    before = os.umask(0o077)
    try:
        _call(
            made, "openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", f"{item}.key"
        )
    finally:
        os.umask(before)
    _call(made, "openssl", "pkey", "-in", f"{item}.key", "-pubout", "-out", f"{item}.pub")


def _certificate(made: Path, item: str, subject: str) -> None:
    before = os.umask(0o077)
    try:
        command = [
            "req",
            "-new",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-sha256",
            "-days",
            str(DAYS),
            "-subj",
            subject,
        ]
        _call(made, "openssl", *command, "-keyout", f"{item}.key", "-out", f"{item}.crt")
    finally:
        os.umask(before)


def _call(directory: Path, *command: str) -> None:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        package = "openssl" if command[0] == "openssl" else "efitools"
        raise HadronbakeError(
            Diagnostic("HBI141", f"{command[0]} isn't installed", hint=f"install the package {package}")
        ) from None
    if done.returncode:
        raise HadronbakeError(
            Diagnostic("HBI111", f"{command[0]} failed with status {done.returncode}: {done.stderr.strip()[-2000:]}")
        )
