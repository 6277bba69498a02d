"""What the boot stub measures into PCR 11 of a TPM, computed from the program alone (systemd-stub(7), systemd-measure(1)).

For each section, in the stub's order: the hash of its name with a NUL, then that of its content.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

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


def sections(program: bytes) -> dict[str, bytes]:
    """Name → content as it is in memory (its VirtualSize) of a PE program (Microsoft's PE format, §§ 3 and 4)."""
    header = struct.unpack_from("<I", program, 0x3C)[0]
    if program[header : header + 4] != b"PE\0\0":
        raise ValueError("not a PE program")
    count, optional = struct.unpack_from("<H12xH", program, header + 6)
    found = {}
    for number in range(count):
        place = header + 24 + optional + 40 * number
        name, size, _, raw, offset = struct.unpack_from("<8sIIII", program, place)
        found[name.rstrip(b"\0").decode()] = program[offset : offset + min(size, raw)].ljust(size, b"\0")
    return found


def pcr11(path: Path) -> str:
    """The value (SHA-256 bank, hexadecimal) when nothing but the stub has extended it."""
    content = sections(path.read_bytes())
    value = bytes(32)
    for name in SECTIONS:
        if name in content:
            for part in (name.encode() + b"\0", content[name]):
                value = hashlib.sha256(value + hashlib.sha256(part).digest()).digest()
    return value.hex()
