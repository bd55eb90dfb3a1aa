"""The keys of one real cluster, and the kubeconfigs that open it.

Two authorities, as production has: one for the clients of the API server and one for its front proxy, so that a test
that takes the one for the other fails. The front proxy's certificate carries no subject alternative name, as kubeadm's.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from fairlead.serving.certificates import Authority, KeyPair

FRONT_PROXY = "front-proxy-client"


class Credentials:
    """PEM files in `directory`, readable by their owner alone."""

    def __init__(self, directory: Path, addresses: Sequence[str] = ("127.0.0.1",)) -> None:
        """`addresses` are those of the servers."""
        self.directory = directory
        self.authority = Authority.create("kubernetes")
        names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        self.client_ca = self._write("ca.crt", self.authority.certificate)
        self.serving = self._pair("serving", self.authority.issue_server(names, sorted(set(addresses))))
        self.front_proxy_ca, self.front_proxy = self.renew_front_proxy()
        # kube-apiserver takes the public key out of a certificate, but not out of our kind of private key.
        self.service_accounts = self._pair("service-accounts", self.authority.issue_client("service-accounts"))
        self.admin = self._pair("admin", self.authority.issue_client("admin", ["system:masters"]))

    def renew_front_proxy(self) -> tuple[Path, tuple[Path, Path]]:
        """A new authority and a certificate of it, in the files of the old ones: for API servers that start later."""
        authority = Authority.create("front-proxy-ca")
        own = self._write("front-proxy-ca.crt", authority.certificate)
        return own, self._pair("front-proxy", authority.issue_client(FRONT_PROXY))

    def kubeconfig(self, name: str, server: str, user: str, groups: Sequence[str]) -> Path:
        """For a user whom the API server knows by a new client certificate; `server` is a URL."""
        pair = self.authority.issue_client(user, groups)
        inline = {"client-certificate-data": _text(pair.certificate), "client-key-data": _text(pair.key)}
        cluster = {"server": server, "certificate-authority-data": _text(self.authority.certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": user, "user": inline}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
            "current-context": name,
        }
        return self._write(f"{user.replace('/', '_')}.kubeconfig", json.dumps(document, indent=1).encode())

    def _pair(self, name: str, pair: KeyPair) -> tuple[Path, Path]:
        return self._write(f"{name}.crt", pair.certificate), self._write(f"{name}.key", pair.key)

    def _write(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path


def _text(content: bytes) -> str:
    return b64encode(content).decode()
