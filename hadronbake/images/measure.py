"""What the boot stub measures into PCR 11 of a TPM, computed from the program alone (systemd-stub(7), systemd-measure(1)).

For each section, in the stub's order: the hash of its name with a NUL, then that of its content. The running system adds the names of
the phases that it reaches (systemd-pcrphase.service(8)).

A policy (TPM 2.0 Library Specification part 3, TPM2_PolicyPCR) says a value of PCR 11; who signs it lets go what was sealed to
his key. The signatures are in the program itself, in a section that isn't measured.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

PCR = 11
# When the state is opened, and never after: the running system adds a phase of its own before it believes what is in it.
PHASES: tuple[tuple[str, ...], ...] = ((),)
KEY_SECTION, SIGNATURE_SECTION = ".pcrpkey", ".pcrsig"
# Room that do_uki leaves for what do_sign knows.
KEY_ROOM, SIGNATURE_ROOM = 1024, 8192

# In the order of the stub.
SECTIONS = tuple(
    "." + name
    for name in [
        "linux",
        "osrel",
        "cmdline",
        "initrd",
        "ucode",
        "splash",
        "dtb",
        "uname",
        "sbat",
        "pcrpkey",
        "profile",
        "dtbauto",
        "hwids",
    ]
)


def headers(program: bytes) -> dict[str, tuple[int, int, int]]:
    """Section → (size in memory, size in the file, place in the file) of a PE program (Microsoft's PE format, §§ 3 and 4)."""
    header = struct.unpack_from("<I", program, 0x3C)[0]
    if program[header : header + 4] != b"PE\0\0":
        raise ValueError("not a PE program")
    count, optional = struct.unpack_from("<H12xH", program, header + 6)
    found = {}
    for number in range(count):
        place = header + 24 + optional + 40 * number
        name, size, _, raw, offset = struct.unpack_from("<8sIIII", program, place)
        found[name.rstrip(b"\0").decode()] = (size, raw, offset)
    return found


def sections(program: bytes) -> dict[str, bytes]:
    """Section → content as it is in memory."""
    return {
        name: program[offset : offset + min(size, raw)].ljust(size, b"\0")
        for name, (size, raw, offset) in headers(program).items()
    }


def value(program: bytes, phases: Sequence[str] = ()) -> bytes:
    """PCR 11 of the SHA-256 bank, after the phases."""
    content = sections(program)
    state = bytes(32)
    for name in SECTIONS:
        if name in content:
            state = _extended(state, name.encode() + b"\0")
            state = _extended(state, content[name])
    for phase in phases:
        state = _extended(state, phase.encode())
    return state


def pcr11(path: Path, phases: Sequence[str] = ()) -> str:
    """:func:`value` of a file, hexadecimal."""
    return value(path.read_bytes(), phases).hex()


def policy(pcr: bytes) -> bytes:
    """The digest of the policy "PCR 11 of the SHA-256 bank has this value"."""
    # TPM_CC_PolicyPCR; a TPML_PCR_SELECTION of one bank, TPM_ALG_SHA256, three bytes of bits.
    selection = struct.pack(">IHB3s", 1, 0x000B, 3, (1 << PCR).to_bytes(3, "little"))
    return hashlib.sha256(bytes(32) + struct.pack(">I", 0x17F) + selection + hashlib.sha256(pcr).digest()).digest()


def seal(program: bytes, public: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The program with the public key (PEM) and the signed policies of :data:`PHASES` in the room that was left for them.

    ``sign`` makes an RSA signature with SHA-256 (PKCS #1 v1.5) of the key that belongs to ``public``. The signatures are
    in the form of systemd-measure(1), and end in blanks. ValueError if a section isn't there or too small, or the key is none.
    """
    program = _filled(program, KEY_SECTION, public)
    fingerprint = hashlib.sha256(_rsa_key(public)).hexdigest()
    entries = []
    for phases in PHASES:
        digest = policy(value(program, phases))
        entries.append(
            {
                "pcrs": [PCR],
                "pkfp": fingerprint,
                "pol": digest.hex(),
                "sig": base64.b64encode(sign(digest)).decode(),
            }
        )
    return _filled(program, SIGNATURE_SECTION, json.dumps({"sha256": entries}).encode())


def _rsa_key(public: bytes) -> bytes:
    """The RSAPublicKey (RFC 8017, A.1.1) in a PEM SubjectPublicKeyInfo."""
    # Not above: who only measures needs no cryptography.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    try:
        return load_pem_public_key(public).public_bytes(Encoding.DER, PublicFormat.PKCS1)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the public key isn't one in PEM form") from None


def _filled(program: bytes, name: str, content: bytes) -> bytes:
    found = headers(program)
    if name not in found:
        raise ValueError(f"the program has no section {name}")
    size, raw, offset = found[name]
    if len(content) > min(size, raw):
        raise ValueError(f"{len(content)} bytes don't fit into the section {name} of {size}")
    return program[:offset] + content.ljust(size, b"\n") + program[offset + size :]


def _extended(state: bytes, data: bytes) -> bytes:
    return hashlib.sha256(state + hashlib.sha256(data).digest()).digest()
