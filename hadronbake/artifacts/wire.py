"""The protobuf wire format, as far as REAPI's messages need it: numbers and length-delimited fields.

Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, BYTES = 0, 2

Fields = dict[int, int | bytes]


def varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, body: bytes) -> bytes:
    """A length-delimited field: text, bytes or a message."""
    return bytes((number << 3 | BYTES,)) + varint(len(body)) + body


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field, in order. Raises ValueError or IndexError for what is none."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == BYTES:
            size, at = _read_varint(data, at)
            if at + size > len(data):
                raise ValueError("it ends too early")
            yield key >> 3, data[at : at + size]
            at += size
        elif kind == VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value
        else:
            raise ValueError(f"wire type {kind} is not expected")


def message(data: bytes, types: dict[int, type]) -> Fields:
    """The fields of a message without repeated ones. Raises ValueError where one of ``types`` has another type."""
    found: Fields = {}
    for number, value in fields(data):
        if number in types and not isinstance(value, types[number]):
            raise ValueError(f"field {number} has the wrong type")
        found[number] = value
    return found


def text(found: Fields, number: int) -> str:
    value = found.get(number, b"")
    return value.decode() if isinstance(value, bytes) else ""


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
