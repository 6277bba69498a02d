"""TLS with certificates on both sides: a server that takes none but those of its own authority."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from machines import A, Farm
from servers import Contents, http_server, reapi_server


class Authority:
    """Certificates in a directory: ``ca.pem``, and of each name ``NAME.pem`` with ``NAME.key``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, directory.name)])
        self._write("ca", self._key, self._certificate(self._name, self._key, True))

    def make(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._write(name, key, self._certificate(subject, key, False))

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        (self.directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.directory / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "ours")
    authority.make("server")
    authority.make("client")
    return authority


@pytest.mark.parametrize("kind", ["https", "grpcs"])
def test_certificates_on_both_sides(kind: str, tmp_path: Path, ours: Authority) -> None:
    others = Authority(tmp_path / "others")
    others.make("client")
    contents = Contents()
    made = ours.directory
    server = http_server if kind == "https" else reapi_server
    with server(contents, tls=(made / "server.pem", made / "server.key", made / "ca.pem")) as url:
        assert url.startswith(f"{kind}://")
        farm = Farm(tmp_path / "farm", url, contents)
        known = f";ca={made}/ca.pem;cert={made}/client.pem;key={made}/client.key"
        one = farm.machine("builder", "rw", options=known)
        kept = farm.build(one)
        one.flush()
        assert one.take_notices() == []
        assert farm.machine("two", options=known).records([A]) == {A: kept}
        for number, options in enumerate(
            (
                f";ca={made}/ca.pem",
                f";ca={made}/ca.pem;cert={others.directory}/client.pem;key={others.directory}/client.key",
                f";ca={others.directory}/ca.pem;cert={made}/client.pem;key={made}/client.key",
                "",
            )
        ):
            refused = farm.machine(f"refused-{number}", options=options, timeout=5)
            assert refused.records([A]) == {}
            (said,) = refused.take_notices()
            assert said.startswith(f"the remote {url} "), options


def test_what_names_no_certificate_is_said(tmp_path: Path) -> None:
    from hadronbake.diagnostics import HadronbakeError

    (tmp_path / "client.pem").write_text("no certificate")
    for options in (f";cert={tmp_path}/nothing.pem", f";ca={tmp_path}/nothing.pem"):
        with pytest.raises(HadronbakeError) as caught:
            Farm(tmp_path, "https://127.0.0.1:1", Contents()).machine("one", options=options)
        assert "nothing.pem" in str(caught.value)
