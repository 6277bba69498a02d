"""The bundle of certificate authorities: who is in it, and that it is the same bytes each time."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

SCRIPT = (
    Path(__file__).resolve().parents[2]
    / "layers/hadron-core/recipes-userland/ca-certificates/ca-certificates/certdata_bundle.py"
)


def octal(data: bytes) -> str:
    return "MULTILINE_OCTAL\n" + "".join(f"\\{byte:03o}" for byte in data) + "\nEND"


def certificate(name: str, serial: bytes, *, distrust_after: str = "CK_BBOOL CK_FALSE") -> str:
    return "\n".join(
        (
            "CKA_CLASS CK_OBJECT_CLASS CKO_CERTIFICATE",
            f'CKA_LABEL UTF8 "{name}"',
            f"CKA_ISSUER {octal(b'issuer')}",
            f"CKA_SERIAL_NUMBER {octal(serial)}",
            f"CKA_VALUE {octal(b'body of ' + name.encode())}",
            f"CKA_NSS_SERVER_DISTRUST_AFTER {distrust_after}",
        )
    )


def trust(serial: bytes, level: str) -> str:
    return "\n".join(
        (
            "CKA_CLASS CK_OBJECT_CLASS CKO_NSS_TRUST",
            f"CKA_ISSUER {octal(b'issuer')}",
            f"CKA_SERIAL_NUMBER {octal(serial)}",
            f"CKA_TRUST_SERVER_AUTH CK_TRUST {level}",
        )
    )


def bundle(tmp_path: Path, *objects: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "certdata.txt"
    path.write_text("# a comment\nBEGINDATA\n" + "\n\n".join(objects) + "\n")
    return subprocess.run([sys.executable, SCRIPT, path, "20250419"], capture_output=True, text=True, check=False)


def pem(name: str) -> str:
    body = base64.b64encode(f"body of {name}".encode()).decode()
    return f"# {name}\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def test_only_what_is_trusted_for_servers_sorted_by_name(tmp_path: Path) -> None:
    result = bundle(
        tmp_path,
        certificate("Zebra", b"1"),
        trust(b"1", "CKT_NSS_TRUSTED_DELEGATOR"),
        certificate("Mail only", b"2"),
        trust(b"2", "CKT_NSS_MUST_VERIFY_TRUST"),
        certificate("Revoked", b"3"),
        trust(b"3", "CKT_NSS_NOT_TRUSTED"),
        certificate("Apple", b"4"),
        trust(b"4", "CKT_NSS_TRUSTED_DELEGATOR"),
    )
    assert (result.returncode, result.stdout) == (0, pem("Apple") + pem("Zebra"))


def test_authority_goes_when_nothing_from_before_its_end_can_be_valid(tmp_path: Path) -> None:
    result = bundle(
        tmp_path,
        certificate("Ended long ago", b"1", distrust_after=octal(b"240101000000Z")),
        trust(b"1", "CKT_NSS_TRUSTED_DELEGATOR"),
        certificate("Ended lately", b"2", distrust_after=octal(b"241130235959Z")),
        trust(b"2", "CKT_NSS_TRUSTED_DELEGATOR"),
    )
    assert result.stdout == pem("Ended lately")


def test_another_file_is_an_error(tmp_path: Path) -> None:
    result = bundle(tmp_path, "<html>not found</html>")
    assert result.returncode == 1
    assert result.stderr == f"{tmp_path}/certdata.txt: no trusted certificate in it; is it NSS' certdata.txt?\n"
