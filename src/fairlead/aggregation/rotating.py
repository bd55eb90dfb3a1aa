"""When the serving certificate and its authority are exchanged, and in which order.

An API server trusts an extension server by the CA bundle of its APIServices. So a new authority is first published
beside the old one; only when every APIService has carried both for a while does the leaf change; only when every
replica has surely taken the new leaf is the old authority dropped. Each step is a pure function of what is stored and
what has been published; whoever leads carries it out, and a successor continues where the last one stopped.

Everything is stored in one Secret of type `kubernetes.io/tls`: `tls.crt` and `tls.key` (the leaf), `ca.crt` (the bundle
to publish, the authority that signs first) and `ca.key`.

Source: reference/aggregation-layer.md §11 (certificates).
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from fairlead.serving.certificates import LEAF_VALIDITY, Authority, CertificateError, KeyPair, read_bundle

COMMON_NAME = "fairlead-serving"
LEAF_MARGIN = timedelta(days=90)
# A leaf never outlives its authority, with time to rotate.
AUTHORITY_MARGIN = LEAF_VALIDITY + timedelta(days=30)
# Replicas follow the Secret within seconds; a former authority is kept far longer than that.
SETTLING = timedelta(hours=1)


@dataclass(frozen=True)
class Material:
    authority: KeyPair
    """Signs the next leaf."""
    former: bytes
    """PEM of the authorities that are trusted besides; empty outside of a rotation."""
    leaf: KeyPair

    @classmethod
    def create(cls, dns: str) -> "Material":
        authority = Authority.create(COMMON_NAME)
        return cls(authority.pair, b"", authority.issue_server([dns]))

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> "Material":
        """Reads a Secret's `data`. Raises `CertificateError`, without any of its content."""
        authorities = read_bundle(_field(data, "ca.crt"), "ca.crt")
        first, *rest = [each.public_bytes(serialization.Encoding.PEM) for each in authorities]
        leaf = KeyPair(_field(data, "tls.crt"), _field(data, "tls.key"))
        found = cls(KeyPair(first, _field(data, "ca.key")), b"".join(rest), leaf)
        if not chains(leaf.certificate, found.bundle):
            raise CertificateError("tls.crt does not chain to ca.crt")
        return found

    @property
    def data(self) -> dict[str, str]:
        fields = {
            "tls.crt": self.leaf.certificate,
            "tls.key": self.leaf.key,
            "ca.crt": self.bundle,
            "ca.key": self.authority.key,
        }
        return {key: base64.b64encode(value).decode("ascii") for key, value in fields.items()}

    @property
    def bundle(self) -> bytes:
        """PEM, to be published."""
        return self.authority.certificate + self.former

    def with_leaf(self, dns: str) -> "Material":
        return replace(self, leaf=Authority(self.authority).issue_server([dns]))

    def with_authority(self) -> "Material":
        """The leaf stays until the new bundle is published."""
        return replace(self, authority=Authority.create(COMMON_NAME).pair, former=self.bundle)


def chains(leaf: bytes, bundle: bytes) -> bool:
    """Whether one of the bundle's authorities has issued the leaf; both PEM."""
    try:
        certificate, authorities = read_bundle(leaf)[0], read_bundle(bundle)
    except CertificateError:
        return False
    return any(_issued(certificate, each) for each in authorities)


def next_step(material: Material, dns: str, now: datetime, *, announced: bool, asked: bool = False) -> Material | None:
    """What to store next, None while all is well.

    `announced`: every APIService has carried the bundle for long enough. `asked`: somebody wants a new authority.
    """
    leaf = read_bundle(material.leaf.certificate)[0]
    signs = chains(material.leaf.certificate, material.authority.certificate)
    if not signs:
        return material.with_leaf(dns) if announced else None
    if asked or _expires(material.authority) - now < AUTHORITY_MARGIN:
        return material.with_authority()
    if dns not in _names(leaf) or leaf.not_valid_after_utc - now < LEAF_MARGIN:
        return material.with_leaf(dns)
    if material.former and now - leaf.not_valid_before_utc > SETTLING:
        return replace(material, former=b"")
    return None


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _expires(pair: KeyPair) -> datetime:
    return read_bundle(pair.certificate)[0].not_valid_after_utc


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return found.value.get_values_for_type(x509.DNSName)


def _field(data: Mapping[str, str], key: str) -> bytes:
    try:
        found = base64.b64decode(data[key], validate=True)
    except (KeyError, binascii.Error, ValueError) as error:
        raise CertificateError(f"the Secret's {key} is missing or unreadable") from error
    if not found:
        raise CertificateError(f"the Secret's {key} is empty")
    return found
