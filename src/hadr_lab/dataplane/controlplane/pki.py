"""A cluster's own certificate authority, and the keys that are made from it, anew at each boot.

The authority belongs to the cluster as AWS has it: machines are launched with it in their user data. Elliptic keys, because an RSA
key costs up to half a second. Private keys stay in the cluster's folder on the lab's RAM file system.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=3650)
"""Of an authority, as EKS's; it is kept with an applied architecture. What it signs lasts as long and is never kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFE)
    )


def signing_key() -> str:
    """A private key (PEM) for service account tokens."""
    return _key_pem(ec.generate_private_key(ec.SECP256R1()))


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority; `pem` is what clients trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> Authority:
        """A new self-signed authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), _name(name), key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def read(cls, kept: str) -> Authority:
        """The authority that `kept` gave."""
        key = serialization.load_pem_private_key(kept.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the authority's key is none of ours")
        return cls(key, x509.load_pem_x509_certificate(kept.encode()))

    @property
    def kept(self) -> str:
        """Key and certificate, for `read`."""
        return _key_pem(self.key) + self.pem

    @property
    def pem(self) -> str:
        """The authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def data(self) -> str:
        """The certificate as EKS gives it: base64 of the PEM."""
        return base64.b64encode(self.pem.encode()).decode()

    def serving(self, common_name: str, *, hosts: Iterable[str], addresses: Iterable[str]) -> Pair:
        """A server certificate for these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        builder = _builder(_name(common_name), self.certificate.subject, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        return Pair(certificate=signed.public_bytes(serialization.Encoding.PEM).decode(), key=_key_pem(key))
