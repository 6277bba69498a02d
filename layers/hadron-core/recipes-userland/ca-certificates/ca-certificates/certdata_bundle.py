"""Make a PEM bundle of the certificate authorities that Mozilla trusts for TLS servers.

usage: certdata_bundle.py CERTDATA YYYYMMDD > bundle

CERTDATA is NSS' certdata.txt: blocks of ``CKA_NAME TYPE VALUE`` lines, one block an object; binary values are lines of octal
escapes up to ``END``. A certificate goes into the bundle if the trust object of the same issuer and serial number says
TRUSTED_DELEGATOR for servers. A PEM bundle can't say "only certificates issued before"; so an authority with such a date is kept
until no certificate from before it can still be valid (398 days, the most a public server certificate may live) on the day given.
The bundle is sorted by label and holds nothing but what is in CERTDATA.
"""

import base64
import datetime
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAXIMUM_CERTIFICATE_LIFE = datetime.timedelta(days=398)
OCTAL = re.compile(r"\\([0-7]{3})")

Attributes = dict[str, bytes]


def objects(lines: Iterator[str]) -> Iterator[Attributes]:
    """Yield the attributes of each object; every object begins with its CKA_CLASS."""
    current: Attributes = {}
    for line in lines:
        words = line.split(None, 2)
        if len(words) < 2 or not words[0].startswith("CKA_"):
            continue
        name, kind = words[0], words[1]
        if name == "CKA_CLASS" and current:
            yield current
            current = {}
        if kind == "MULTILINE_OCTAL":
            value = bytearray()
            for octal in lines:
                if octal.strip() == "END":
                    break
                value += bytes(int(digits, 8) for digits in OCTAL.findall(octal))
            current[name] = bytes(value)
        else:
            current[name] = (words[2] if len(words) > 2 else "").strip().strip('"').encode()
    if current:
        yield current


def expired(distrust_after: bytes, today: datetime.date) -> bool:
    """Tell whether nothing issued before this UTCTime (YYMMDDhhmmssZ; CK_FALSE: no date) can still be valid."""
    if not re.fullmatch(rb"\d{12}Z", distrust_after):
        return False
    last = datetime.datetime.strptime(distrust_after.decode(), "%y%m%d%H%M%SZ").date()
    return last + MAXIMUM_CERTIFICATE_LIFE < today


def main(path: str, day: str) -> None:
    today = datetime.datetime.strptime(day, "%Y%m%d").date()
    certificates: dict[tuple[bytes, bytes], Attributes] = {}
    trusted: set[tuple[bytes, bytes]] = set()
    for item in objects(iter(Path(path).read_text(encoding="utf-8").splitlines())):
        key = (item.get("CKA_ISSUER", b""), item.get("CKA_SERIAL_NUMBER", b""))
        if item.get("CKA_CLASS") == b"CKO_CERTIFICATE":
            certificates[key] = item
        elif item.get("CKA_TRUST_SERVER_AUTH") == b"CKT_NSS_TRUSTED_DELEGATOR":
            trusted.add(key)
    chosen = [
        (item["CKA_LABEL"], item["CKA_VALUE"])
        for key, item in certificates.items()
        if key in trusted and not expired(item.get("CKA_NSS_SERVER_DISTRUST_AFTER", b""), today)
    ]
    if not chosen:
        sys.exit(f"{path}: no trusted certificate in it; is it NSS' certdata.txt?")
    for label, value in sorted(chosen):
        # The label may hold octal or hex escapes of UTF-8 bytes; as a comment it only has to be one stable line.
        text = base64.b64encode(value).decode()
        body = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
        print(f"# {label.decode()}\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
