"""The TLS context of a connection.

Reading the system's authorities takes a tenth of a second and holds everything up, so it is done where they are needed
and once: connections that show no certificate of their own share one context for each bundle.
"""

import ssl
from functools import lru_cache

from fairlead.client.credentials import ClientCertificate
from fairlead.client.errors import CredentialsError, KubeconfigError
from fairlead.serving.pemfiles import readable


def context(
    authority: bytes | None, certificate: ClientCertificate | None, *, insecure: bool = False
) -> ssl.SSLContext:
    """`authority` is a PEM bundle that replaces the system's. Raises `KubeconfigError` and `CredentialsError`."""
    return _shared(authority, insecure) if certificate is None else _made(authority, certificate, insecure)


@lru_cache(maxsize=64)
def _shared(authority: bytes | None, insecure: bool) -> ssl.SSLContext:
    return _made(authority, None, insecure)


def _made(authority: bytes | None, certificate: ClientCertificate | None, insecure: bool) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None and not insecure:
        made.load_default_certs()
    if authority is not None:
        # A bundle may hold an intermediate CA alone, which Go accepts as an anchor.
        made.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        try:
            made.load_verify_locations(cadata=authority.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise KubeconfigError("the certificate authority is no PEM bundle", _reason(error)) from error
    if insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        with readable(certificate.certificate) as chain, readable(certificate.key) as key:
            try:
                made.load_cert_chain(chain, key, password=_refuse_password)
            except (ssl.SSLError, ValueError) as error:
                raise CredentialsError("the client certificate cannot be used", _reason(error)) from error
    return made


def _refuse_password() -> str:
    """Without this, OpenSSL asks on the terminal."""
    raise ValueError("the private key is encrypted")


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)
