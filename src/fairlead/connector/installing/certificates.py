"""Questions about the serving certificate and those who vouch for it."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from fairlead.serving.certificates import CertificateError, read_bundle


def read(secret: Mapping[str, Any]) -> bytes | None:
    """The PEM in `tls.crt`; None where there is none."""
    try:
        found = base64.b64decode((secret.get("data") or {}).get("tls.crt") or "")
        read_bundle(found)
    except (CertificateError, binascii.Error, ValueError):
        return None
    return found


def ended(pem: bytes, now: float) -> str:
    """In words what is wrong with the time of the newest of them; empty when it is good."""
    moment = datetime.fromtimestamp(now, UTC)
    newest = max(read_bundle(pem), key=lambda each: each.not_valid_after_utc)
    if newest.not_valid_after_utc < moment:
        return f"ended at {newest.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if newest.not_valid_before_utc > moment:
        return f"begins at {newest.not_valid_before_utc:%Y-%m-%d %H:%M} UTC, by the clock here later"
    return ""


def is_for(pem: bytes, name: str) -> bool:
    leaf = read_bundle(pem)[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return name in names.get_values_for_type(x509.DNSName)


def vouched(pem: bytes, bundle: str) -> bool:
    """Whether one of an APIService's `caBundle` (base64) has issued the leaf."""
    leaf = read_bundle(pem)[0]
    try:
        authorities = read_bundle(base64.b64decode(bundle))
    except (CertificateError, binascii.Error, ValueError):
        return False
    return any(_issued(leaf, each) for each in authorities)


def _issued(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
