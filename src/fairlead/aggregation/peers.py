"""Whether a client certificate comes from one of some CAs, and whom it names.

The TLS layer checks a peer once, at the handshake, against every CA that anybody may come from. That is not enough: a
user certificate of the cluster's client CA must not pass for the front proxy because its common name is lucky, a CA
that has left the bundle must stop counting on connections that already stand, and a certificate expires in between. So
each request asks again here, against one bundle.

`cryptography`'s own verifier follows the web's rules and refuses a certificate without subject alternative name; those
of front proxies have none. What is checked instead is what Go's `x509.Verify` checks with `ExtKeyUsageClientAuth`. The
issuer itself must be in the bundle: Python hands us the peer's certificate without the intermediates that came along.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from fairlead.machinery.principals import Principal
from fairlead.serving import certificates

_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}
_CLIENT_PURPOSES = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
_REMEMBERED = 1024


class Authorities:
    """A PEM bundle of CAs; an empty one vouches for nobody. Raises `serving.certificates.CertificateError`."""

    def __init__(self, pem: bytes, origin: str = "the CA bundle") -> None:
        self.pem = pem
        self._certificates = certificates.read_bundle(pem, origin) if pem.strip() else []
        self._vouched: dict[bytes, tuple[x509.Certificate, x509.Certificate] | None] = {}

    def vouch(self, der: bytes, now: datetime | None = None) -> x509.Certificate | None:
        """The certificate, read, if it is a client's of one of these CAs and both are valid `now`."""
        if der not in self._vouched:
            if len(self._vouched) >= _REMEMBERED:
                self._vouched.clear()
            self._vouched[der] = self._read(der)
        found = self._vouched[der]
        now = now or datetime.now(UTC)
        return found[0] if found is not None and all(_valid(each, now) for each in found) else None

    def _read(self, der: bytes) -> tuple[x509.Certificate, x509.Certificate] | None:
        """Signatures are dear and never change, so this is done once for each certificate; time is looked at later."""
        try:
            leaf = x509.load_der_x509_certificate(der)
            if not (_understood(leaf) and _for_clients(leaf)):
                return None
            return max(((leaf, issuer) for issuer in self._issuers(leaf)), key=lambda pair: pair[1].not_valid_after_utc)
        except ValueError:  # no certificate, an extension that cannot be read, or no issuer
            return None

    def _issuers(self, leaf: x509.Certificate) -> Iterator[x509.Certificate]:
        for each in self._certificates:
            try:
                leaf.verify_directly_issued_by(each)
            except (ValueError, TypeError, InvalidSignature):
                continue
            if _understood(each) and _may_issue(each):
                yield each


def user(certificate: x509.Certificate) -> Principal | None:
    """The common name is the user, organizations are the groups; None without a common name.

    The credential id is what a kube-apiserver puts into `extra`, so that both audit logs name the same certificate.
    """
    name = common_name(certificate)
    if not name:
        return None
    groups = tuple(str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    credential = f"X509SHA256={certificate.fingerprint(hashes.SHA256()).hex()}"
    return Principal(name, groups=groups, extra=(("authentication.kubernetes.io/credential-id", (credential,)),))


def common_name(certificate: x509.Certificate) -> str:
    """The last one, as Go reads a subject that has several."""
    return next(
        (str(each.value) for each in reversed(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))), ""
    )


def _valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _understood(certificate: x509.Certificate) -> bool:
    """A critical extension that we do not weigh (name constraints, say) must not be passed over: RFC 5280 §4.2."""
    return all(each.oid in _UNDERSTOOD for each in certificate.extensions if each.critical)


def _for_clients(leaf: x509.Certificate) -> bool:
    """A certificate without extended key usages serves for all."""
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return any(each in _CLIENT_PURPOSES for each in usages)


def _may_issue(issuer: x509.Certificate) -> bool:
    try:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        return False
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True
