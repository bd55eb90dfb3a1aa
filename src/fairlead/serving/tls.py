"""TLS of a server whose certificate and whose trusted client CAs change while it runs.

A listening socket keeps the SSL context that it was given, and a context cannot forget a CA. So the listener gets an
outer context whose server-name callback, which OpenSSL calls in every handshake, puts the current one in its place:
certificate, key and trusted CAs are those of the moment, on asyncio and on uvloop alike. Connections that already stand
keep their peer; who authenticates must look at the peer again with each request (`aggregation.frontproxy` does).

Two rules make an exchange complete. No session tickets: a resumed session skips verification and would outlive its CA.
And TLS 1.3 only: in TLS 1.2 OpenSSL also resumes by session id from a cache that Python cannot switch off (tried: with
tickets off, a TLS 1.2 session was resumed). Every Kubernetes release with API aggregation in use today speaks TLS 1.3.

Client certificates are asked for, not demanded: probes and callers with tokens have none. One of an unknown CA ends the
handshake, because Python's TLS has no "ask but do not check"; callers through the aggregator then see a 503 and retry.
"""

import ssl

from fairlead.serving.certificates import CertificateError, KeyPair
from fairlead.serving.pemfiles import readable


class ServerTLS:
    """`client_authorities` is a PEM bundle of the CAs that a client certificate may come from.

    None never asks for a certificate, and stays so; empty bytes ask, and trust no CA yet.
    """

    def __init__(self, pair: KeyPair, client_authorities: bytes | None = None) -> None:
        self._asks = client_authorities is not None
        self._pair = pair
        self._authorities = client_authorities or b""
        self._current = _context(pair, self._authorities, self._asks)
        self.context = _context(pair, self._authorities, self._asks)
        """For the listener; its callback defers to whatever was exchanged last."""
        self.context.sni_callback = self._choose

    @property
    def pair(self) -> KeyPair:
        return self._pair

    @property
    def client_authorities(self) -> bytes:
        return self._authorities

    def exchange(self, *, pair: KeyPair | None = None, client_authorities: bytes | None = None) -> None:
        """For all handshakes from now on; what is None stays. Raises `CertificateError` and then changes nothing."""
        if client_authorities is not None and not self._asks:
            raise CertificateError("client CAs cannot be exchanged", "this server never asks for a client certificate")
        pair = self._pair if pair is None else pair
        authorities = self._authorities if client_authorities is None else client_authorities
        self._current = _context(pair, authorities, self._asks)
        self._pair, self._authorities = pair, authorities

    def _choose(self, connection: ssl.SSLObject, name: str | None, outer: ssl.SSLContext) -> None:
        connection.context = self._current


def _context(pair: KeyPair, authorities: bytes, asks: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, pair)
    if asks:
        context.verify_mode = ssl.CERT_OPTIONAL
        # An intermediate CA in the bundle is trusted by itself, as Go's verifier has it.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        _load_authorities(context, authorities)
    return context


def _load_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    with readable(pair.certificate) as certificate, readable(pair.key) as key:
        try:
            context.load_cert_chain(certificate, key, password=_refuse_password)
        except (ssl.SSLError, ValueError) as error:
            raise CertificateError("the serving certificate cannot be used", _reason(error)) from error


def _load_authorities(context: ssl.SSLContext, authorities: bytes) -> None:
    if not authorities.strip():
        return
    try:
        context.load_verify_locations(cadata=authorities.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError("the client CA bundle cannot be used", _reason(error)) from error


def _refuse_password() -> str:
    """Without this, OpenSSL asks on the terminal."""
    raise ValueError("the private key is encrypted")


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)
