"""Signatures of what shared state believes: who may say that a task's output is this one.

A signed statement is three lines:

    PAYLOAD                           one line of canonical JSON (sorted keys, no blanks, UTF-8)
    ed25519 PUBLIC-KEY SIGNATURE      64 and 128 hex digits
    SHA256                            of the two lines with their ends, 64 hex digits: tells damage from distrust

Without the middle one it is a statement that nobody signed (version 1, before there were signatures).
The signature covers the pre-authentication encoding of DSSE, ``DSSEv1 LEN(type) type LEN(payload) payload``, so that one
kind of statement is never taken for another. Keys and signatures: RFC 8032, by the library ``cryptography``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hadronbake.diagnostics import HadronbakeError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Kind = Literal["record", "equivalence"]

_TYPES: dict[Kind, bytes] = {
    "record": b"application/vnd.hadronbake.record+json",
    "equivalence": b"application/vnd.hadronbake.equivalence+json",
}
_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(rb"ed25519 ([0-9a-f]{64}) ([0-9a-f]{128})")
SHOWN = 16
"""How many digits of a public key are shown."""


class Damaged(Exception):
    """The statement isn't what was written: a byte is another one, or some are missing."""


class Unreadable(Damaged):
    """A trusted key signed it, but it isn't of the form that is known here: another version wrote it."""


class Untrusted(Exception):
    """``key``: who signed it, in hex; None where nobody did."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        super().__init__(key)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """``source``: the file or setting that says so."""

    key: str
    name: str
    source: str


def payload(statement: bytes) -> bytes:
    """What the statement says, whoever signed it: for who keeps or deletes it, not for who acts upon it. Raises Damaged."""
    first, *rest = statement.split(b"\n")
    if len(rest) not in (2, 3):
        raise Damaged
    signed = first if len(rest) == 2 else first + b"\n" + rest[0] + b"\n"
    if rest[-1] or rest[-2] != _check(signed):
        raise Damaged
    return first


def signer(statement: bytes) -> str | None:
    """The key that a statement names, in hex, whether or not its signature is good; None where nobody signed it."""
    lines = statement.split(b"\n")
    match = _SIGNATURE.fullmatch(lines[1]) if len(lines) > 1 else None
    return match[1].decode() if match else None


class Keyring:
    """The key that this machine signs with, and those whose signatures count.

    ``directory`` holds ``signing.key`` (PKCS 8 in PEM, mode 0600; made when something is first signed) and ``trusted/*.pub``.
    ``stated``: further trusted keys, each in hex or as the path of a file. ``signing``: the path of the private key, if it isn't
    in the directory. Raises HBA020 for a stated key that is none.
    """

    def __init__(self, directory: Path, stated: Iterable[str] = (), signing: Path | None = None) -> None:
        self.directory = directory
        self.signing = signing or directory / "signing.key"
        self._stated = tuple(found for text in stated for found in stated_keys(text))

    @cached_property
    def trusted(self) -> tuple[TrustedKey, ...]:
        """All of them: this machine's own first, if it has one."""
        found: list[TrustedKey] = []
        if self.signing.is_file():
            found.append(TrustedKey(self.own, "this machine", str(self.signing)))
        found.extend(self._stated)
        if (self.directory / "trusted").is_dir():
            for path in sorted((self.directory / "trusted").glob("*.pub")):
                found.extend(keys_of_file(path))
        return tuple(found)

    @property
    def own(self) -> str:
        """The public key of this machine, in hex. Makes the key if there is none."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, kind: Kind, payload: bytes) -> bytes:
        """The statement. Raises HBA021 where the key can't be read or made."""
        if b"\n" in payload:
            raise ValueError("a payload is one line")
        signature = self._private.sign(_encoding(kind, payload))
        lines = payload + f"\ned25519 {self.own} {signature.hex()}\n".encode()
        return lines + _check(lines) + b"\n"

    def open(self, kind: Kind, statement: bytes) -> bytes:
        """The payload, if a trusted key signed it as a statement of this kind. Raises Damaged, Untrusted."""
        payload, *rest = statement.split(b"\n")
        if len(rest) == 2 and rest[0] == _check(payload) and not rest[1]:
            raise Untrusted(None)
        if len(rest) != 3 or rest[1] != _check(payload + b"\n" + rest[0] + b"\n") or rest[2]:
            raise Damaged
        match = _SIGNATURE.fullmatch(rest[0])
        if match is None:
            raise Damaged
        key = match[1].decode()
        if key not in self._known:
            raise Untrusted(key)
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        try:
            public.verify(bytes.fromhex(match[2].decode()), _encoding(kind, payload))
        except InvalidSignature:
            raise Damaged from None
        return payload

    def trust(self, key: str, name: str) -> Path:
        """Adds a public key (hex) to the directory's; the file it is in."""
        if not re.fullmatch(r"[\w.@-]+", name):
            raise HadronbakeError.of("HBA020", f"'{name}' can't be the name of a key", hint="letters, digits, '.@_-'")
        path = self.directory / "trusted" / f"{name}.pub"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{key} {name}\n")
        self.__dict__.pop("trusted", None)
        self.__dict__.pop("_known", None)
        return path

    def make(self) -> bool:
        """Makes this machine's key unless it has one; whether it did. Two processes at once make one key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        if self.signing.exists():
            return False
        text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        temporary = self.signing.with_name(f".{self.signing.name}.{os.getpid()}")
        try:
            self.signing.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                temporary.unlink()
            target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(target, text)
                os.fsync(target)
            finally:
                os.close(target)
            try:
                self.signing.hardlink_to(temporary)
            except FileExistsError:
                return False
            finally:
                temporary.unlink()
        except OSError as error:
            raise HadronbakeError.of(
                "HBA021", f"the signing key {self.signing} can't be made: {error.strerror}", hint=_KEY_HINT
            ) from error
        return True

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        made = self.make()
        try:
            key = load_pem_private_key(self.signing.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise HadronbakeError.of(
                "HBA021", f"the signing key {self.signing} can't be read: {error}", hint=_KEY_HINT
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise HadronbakeError.of("HBA021", f"the signing key {self.signing} is no ed25519 key", hint=_KEY_HINT)
        if made:
            self.__dict__.pop("trusted", None)
            self.__dict__.pop("_known", None)
        return key

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(key.key for key in self.trusted)


_KEY_HINT = "HB_SIGNING_KEY may name another place; `hbake keys new` makes a key"


def keys_of_file(path: Path) -> Sequence[TrustedKey]:
    """Public keys: PEM, or lines ``HEX [name]`` with ``#`` comments. Raises HBA020."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HadronbakeError.of("HBA020", f"the trusted key {path} can't be read: {error.strerror}") from error
    if content.startswith(b"-----BEGIN"):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        public = None
        with suppress(ValueError):
            public = load_pem_public_key(content)
        if not isinstance(public, Ed25519PublicKey):
            raise HadronbakeError.of("HBA020", f"{path} holds no ed25519 public key")
        return [TrustedKey(public.public_bytes_raw().hex(), path.stem, str(path))]
    found = []
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        words = line.partition("#")[0].split(None, 1)
        if not words:
            continue
        if not _KEY.fullmatch(words[0]):
            raise HadronbakeError.of("HBA020", f"{path}:{number} is no public key of 64 hex digits")
        found.append(TrustedKey(words[0], words[1].strip() if len(words) > 1 else path.stem, str(path)))
    return found


def stated_keys(text: str) -> Sequence[TrustedKey]:
    """A public key in hex, or those of a file (a path with a slash, or ending in .pub or .pem). Raises HBA020."""
    if _KEY.fullmatch(text):
        return [TrustedKey(text, "", "HB_TRUSTED_KEYS")]
    if "/" in text or text.endswith((".pub", ".pem")):
        return keys_of_file(Path(text).expanduser())
    raise HadronbakeError.of(
        "HBA020",
        f"'{text}' is no trusted key",
        hint="HB_TRUSTED_KEYS lists public keys of 64 hex digits (`hbake keys list` shows them) or files with such",
    )


def _check(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _encoding(kind: Kind, payload: bytes) -> bytes:
    name = _TYPES[kind]
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)
