"""Certificates that we make ourselves: a small authority with elliptic-curve keys, and its leaves.

The extension server must present a certificate for `<service>.<namespace>.svc` that the APIService's `caBundle` vouches
for, and a default installation should need neither cert-manager nor a person for that. The playground and the tests
need the whole set that a real cluster has: client certificates, and a front proxy's, which often carries no subject
alternative name. P-256 keys are made in under a millisecond, so nothing is cached.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fairlead.machinery.errors import FairleadError

AUTHORITY_VALIDITY = timedelta(days=3650)
LEAF_VALIDITY = timedelta(days=365)
# A peer's clock may be behind ours.
_CLOCK_SKEW = timedelta(minutes=5)


class CertificateError(FairleadError):
    """A certificate or key cannot be read, or the two do not belong together."""


@dataclass(frozen=True)
class KeyPair:
    """PEM; `certificate` may be followed by its intermediates."""

    certificate: bytes
    key: bytes = field(repr=False)

    @classmethod
    def load(cls, certificate: Path, key: Path) -> "KeyPair":
        """Raises `CertificateError` that names the file at fault."""
        pair = cls(_read(certificate), _read(key))
        leaf = read_bundle(pair.certificate, str(certificate))[0]
        if _read_key(pair.key, str(key)).public_key() != leaf.public_key():
            raise CertificateError(f"{key} does not belong to {certificate}", "their public keys differ")
        return pair

    @property
    def expires(self) -> datetime:
        return read_bundle(self.certificate)[0].not_valid_after_utc


@dataclass(frozen=True)
class Authority:
    pair: KeyPair

    @classmethod
    def create(cls, common_name: str, *, validity: timedelta = AUTHORITY_VALIDITY) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name)
        unsigned = (
            _unsigned(name, name, key.public_key(), validity)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        return cls(_pair(unsigned.sign(key, hashes.SHA256()), key))

    @property
    def certificate(self) -> bytes:
        """PEM: what a peer puts into its CA bundle."""
        return self.pair.certificate

    def issue_server(
        self, names: Iterable[str], addresses: Iterable[str] = (), *, validity: timedelta = LEAF_VALIDITY
    ) -> KeyPair:
        """`names` are DNS names, `addresses` are IP addresses; the first of both becomes the common name."""
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if not alternatives:
            raise CertificateError("a serving certificate needs a name", "neither DNS name nor address was given")
        subject = _name(str(alternatives[0].value))
        return self._issue(subject, ExtendedKeyUsageOID.SERVER_AUTH, alternatives, validity)

    def issue_client(
        self,
        common_name: str,
        organizations: Iterable[str] = (),
        san: bool = False,
        *,
        validity: timedelta = LEAF_VALIDITY,
    ) -> KeyPair:
        """Kubernetes reads the user from the common name and its groups from `organizations`.

        Without `san` there is no subject alternative name, as kubeadm's front-proxy certificates have none.
        """
        alternatives: list[x509.GeneralName] = [x509.DNSName(common_name)] if san else []
        return self._issue(_name(common_name, organizations), ExtendedKeyUsageOID.CLIENT_AUTH, alternatives, validity)

    def _issue(
        self,
        subject: x509.Name,
        purpose: x509.ObjectIdentifier,
        alternatives: list[x509.GeneralName],
        validity: timedelta,
    ) -> KeyPair:
        own = read_bundle(self.pair.certificate)[0]
        own_key = _read_key(self.pair.key)
        if not isinstance(own_key, ec.EllipticCurvePrivateKey):
            raise CertificateError("the authority cannot issue", "its key is not an elliptic-curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        unsigned = (
            _unsigned(subject, own.subject, key.public_key(), validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own_key.public_key()), critical=False)
        )
        if alternatives:
            unsigned = unsigned.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return _pair(unsigned.sign(own_key, hashes.SHA256()), key)


def read_bundle(pem: bytes, origin: str = "the certificate") -> list[x509.Certificate]:
    """At least one certificate, in the order of the text. Raises `CertificateError` that names `origin`."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError(f"{origin} is not a PEM certificate", str(error)) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path} cannot be read", error.strerror or "") from error


def _read_key(pem: bytes, origin: str = "the key") -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{origin} is not an unencrypted PEM private key") from error


def _name(common_name: str, organizations: Iterable[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, validity: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + validity)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    # Named `EC PRIVATE KEY`: fabric8's client takes every key named `PRIVATE KEY` in a kubeconfig for an RSA key.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()),
    )
