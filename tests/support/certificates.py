"""Certificates for tests: one throw-away authority, a server certificate and a client certificate.

Promise: what :func:`make_certificates` writes passes strict verification (OpenSSL's ``X509_STRICT``, as Python 3.13
does by default): key usage and identifiers are there, and the hosts stand in the subject alternative name. Valid from
an hour before now, so that a machine whose clock lags a little accepts them too. Never use them outside tests.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the PEM files are; keys can be read by their owner only."""

    ca: Path
    """The authority's certificate: what a client trusts."""
    ca_key: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path
    other_ca: Path
    """An authority that has signed none of these: what a client must not be satisfied with."""


@dataclass(frozen=True, slots=True)
class _Signed:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_certificates(
    folder: Path,
    hosts: Sequence[str] = ("localhost", "127.0.0.1"),
    *,
    client_name: str = "gateway",
    valid_for: timedelta = timedelta(days=2),
) -> Certificates:
    """Write an authority, a server certificate and a client certificate as PEM files into ``folder``.

    Args:
        folder: made when missing; files of an earlier call are replaced.
        hosts: DNS names and IP addresses that the server certificate is good for.
        client_name: common name of the client certificate.
        valid_for: from now; a negative span makes certificates that have expired.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = _authority("Haechi test authority", valid_for)
    other = _authority("Somebody else's authority", valid_for)
    names = [_host(host) for host in hosts]
    server = _issue(authority, hosts[0], names, ExtendedKeyUsageOID.SERVER_AUTH, valid_for)
    client = _issue(authority, client_name, [], ExtendedKeyUsageOID.CLIENT_AUTH, valid_for)
    return Certificates(
        ca=_write_certificate(folder / "ca.crt", authority.certificate),
        ca_key=_write_key(folder / "ca.key", authority.key),
        server_cert=_write_certificate(folder / "server.crt", server.certificate),
        server_key=_write_key(folder / "server.key", server.key),
        client_cert=_write_certificate(folder / "client.crt", client.certificate),
        client_key=_write_key(folder / "client.key", client.key),
        other_ca=_write_certificate(folder / "other-ca.crt", other.certificate),
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _authority(name: str, valid_for: timedelta) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _unsigned(subject, subject, key, valid_for)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _Signed(certificate, key)


def _issue(
    authority: _Signed,
    name: str,
    hosts: Sequence[x509.GeneralName],
    purpose: x509.ObjectIdentifier,
    valid_for: timedelta,
) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _unsigned(_name(name), authority.certificate.subject, key, valid_for)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return _Signed(builder.sign(authority.key, hashes.SHA256()), key)


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, valid_for: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    begins = min(now, now + valid_for) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(now + valid_for)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_certificate(path: Path, certificate: x509.Certificate) -> Path:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path
