"""The CAs of a cluster and what its ConfigMap says of them, as plain data."""

import json
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fairlead.machinery.messages import Headers, Request
from fairlead.serving.certificates import Authority, KeyPair


def der(pair: KeyPair) -> bytes:
    return x509.load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)


def request(peer: KeyPair | None, *lines: tuple[str, str]) -> Request:
    return Request("GET", "/", headers=Headers(lines), peer_certificate=None if peer is None else der(peer))


@dataclass
class ClusterTrust:
    proxies: Authority = field(default_factory=lambda: Authority.create("front-proxy-ca"))
    users: Authority = field(default_factory=lambda: Authority.create("client-ca"))

    def data(self, *, allowed: list[str] | None = None, uid: bool = True) -> dict[str, str]:
        found = {
            "client-ca-file": self.users.certificate.decode(),
            "requestheader-client-ca-file": self.proxies.certificate.decode(),
            "requestheader-allowed-names": json.dumps(["front-proxy-client"] if allowed is None else allowed),
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        }
        if not uid:
            del found["requestheader-uid-headers"]
        return found

    def proxy(self, name: str = "front-proxy-client") -> KeyPair:
        return self.proxies.issue_client(name)
