"""One embedded cluster: certificates, server, controllers, and a kubeconfig to reach it by."""

import asyncio
import base64
import json
import os
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from fairlead.aggregation.authenticating import Authenticator
from fairlead.aggregation.frontproxy import FrontProxyTrust
from fairlead.client.targets import Cluster
from fairlead.embedded import bootstrap
from fairlead.embedded.authenticating import Tokens
from fairlead.embedded.controlling import Controllers
from fairlead.embedded.core import Core
from fairlead.embedded.extending import Extensions
from fairlead.embedded.server import ApiServer
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.principals import MASTERS
from fairlead.serving.certificates import Authority, KeyPair
from fairlead.serving.listening import listen
from fairlead.serving.tls import ServerTLS

Object = dict[str, Any]

HOST = "127.0.0.1"
FRONT_PROXY = "front-proxy-client"


class DirectoryError(FairleadError):
    """The directory for kubeconfigs cannot be written."""


class EmbeddedCluster:
    """Runs between `__aenter__` and `__aexit__`, on loopback alone. Writes `directory/<name>.kubeconfig` (0600)."""

    def __init__(self, name: str, directory: Path, *, port: int = 0) -> None:
        self.name = name
        self.directory = directory
        self.kubeconfig = directory / f"{name}.kubeconfig"
        self._port = port
        self._core = Core()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Cluster:
        """Raises `DirectoryError` and `ListenError`."""
        try:
            return await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self) -> Cluster:
        self._clients = Authority.create(f"{self.name}-ca")
        proxies = Authority.create(f"{self.name}-front-proxy-ca")
        data = bootstrap.authentication_data(self._clients.certificate, proxies.certificate, [FRONT_PROXY])
        bootstrap.fill(self._core, data)
        trust = FrontProxyTrust.parse(data)
        tokens = Tokens({})
        extensions = Extensions(self._core, proxies.issue_client(FRONT_PROXY))
        authenticator = Authenticator(lambda: trust, tokens.identify)
        server = ApiServer(self._core, authenticator.authenticate, tokens.identify, extensions)
        tls = ServerTLS(
            self._clients.issue_server(["localhost", "kubernetes.default.svc"], [HOST]), trust.client_authorities
        )
        listening = await self._stack.enter_async_context(listen(server.handle, host=HOST, port=self._port, tls=tls))
        server.address = f"{HOST}:{listening.port}"
        self._url = listening.url
        self._run(Controllers(self._core).run(), extensions.run())
        write_private(self.kubeconfig, self.access("admin", (MASTERS,)))
        return Cluster(self.name, self.kubeconfig)

    def _run(self, *loops: Any) -> None:
        tasks = [asyncio.create_task(each) for each in loops]

        async def stop() -> None:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._stack.push_async_callback(stop)

    def access(self, user: str, groups: tuple[str, ...] = ()) -> bytes:
        """A kubeconfig with a client certificate for that user; the cluster must be running."""
        return kubeconfig(
            self.name, self._url, self._clients.certificate, user, self._clients.issue_client(user, groups)
        )

    def stored(self, group: str) -> list[str]:
        """The keys of everything that this cluster itself stores of an API group."""
        return [
            "/".join(part for part in key if part)
            for collection in self._core.store.collections()
            if collection[0] == group
            for key, _ in self._core.store.scan(collection)
        ]


def kubeconfig(cluster: str, url: str, authority: bytes, user: str, pair: KeyPair) -> bytes:
    def inline(data: bytes) -> str:
        return base64.b64encode(data).decode()

    document: Object = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": url, "certificate-authority-data": inline(authority)}}],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": inline(pair.certificate),
                    "client-key-data": inline(pair.key),
                },
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }
    return json.dumps(document, indent=2).encode()


def write_private(path: Path, content: bytes) -> None:
    """Readable by the owner alone from its first moment. Raises `DirectoryError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise DirectoryError(f"cannot write {path}", error.strerror or str(error), "choose another directory") from None
