"""A running connector with claims of its own and of another app cluster, for those who try to get in or to look out."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from fairlead.client import kubeconfig
from fairlead.client.credentials import ClientCertificate, Fixed
from fairlead.client.endpoints import Endpoint
from fairlead.client.errors import ClientError
from fairlead.client.targets import Cluster
from fairlead.connector import naming, running
from fairlead.connector.naming import Identity
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.running import Running
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.connector.test_running import CLUSTER, World, eventually, offer, world
from tests.e2e import manifests

Object = dict[str, Any]

OTHER_CLUSTER = "other-cluster-id"
SECRET_NAME = "name-of-another-clusters-claim"
VERSION = "v1alpha1"


@dataclass
class Scene:
    world: World
    group: str
    mine: str
    """The namespace of our claim `orders`."""
    theirs: str
    """A namespace of the same app cluster, of somebody else."""
    host: str
    """Of the control plane, with its port."""
    replica: Running

    @property
    def claims(self) -> Resource:
        return self.world.claims(self.group, VERSION)

    def claim(self, name: str, namespace: str, **metadata: Any) -> Object:
        found = manifests.claim(name, namespace)
        found["apiVersion"] = f"{self.group}/{VERSION}"
        found["metadata"] |= metadata
        return found

    def stored_name(self, namespace: str, name: str, cluster: str = CLUSTER) -> str:
        return Identity(cluster, namespace, name).backend()

    async def stored(self, namespace: str, name: str) -> Object:
        place = self.world.settings.claim_namespace
        return await self.world.control_plane.get(self.claims, self.stored_name(namespace, name), place)

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no app team is to read anywhere."""
        names = [self.stored_name(self.mine, "orders"), self.stored_name(self.theirs, "private")]
        return (
            self.world.settings.claim_namespace, *names, OTHER_CLUSTER, SECRET_NAME, self.host, naming.RESERVED
        )  # fmt: skip

    async def ask(self, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Response:
        """Through the app cluster, as its administrator; percent-encoded already."""
        return await send(self.world.app.connection, method, path, query, body, **headers)


async def send(connection: Any, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Response:
    lines = [(key.replace("_", "-"), value) for key, value in headers.items()]
    answer: Response = await connection.request(method, path, query=query, headers=Headers(lines), body=body)
    return answer


@asynccontextmanager
async def scene(pair: Pair, unique: Callable[[str], str]) -> AsyncIterator[Scene]:
    group = f"{unique('intruded')}.example.org"
    mine, theirs = unique("mine"), unique("theirs")
    async with world(pair, unique) as found, AsyncExitStack() as stack:
        await offer(found.control_plane, group)
        replica = await stack.enter_async_context(running.serve(found.settings))
        host = urlsplit(kubeconfig.load(pair.control_plane.kubeconfig).server).netloc
        made = Scene(found, group, mine, theirs, host, replica)
        for namespace in (mine, theirs):
            await found.app.create(NAMESPACES, manifests.namespace(namespace))
        await eventually(lambda: found.app.list(made.claims))
        await found.app.create(made.claims, made.claim("orders", mine))
        await found.app.create(made.claims, made.claim("private", theirs))
        await found.control_plane.create(made.claims, foreign(made), found.settings.claim_namespace)
        yield made
        for namespace in (mine, theirs):
            await eventually(partial(found.app.delete_collection, made.claims, namespace))


def foreign(made: Scene) -> Object:
    """A claim of another app cluster beside ours, whose labels say so."""
    identity = Identity(OTHER_CLUSTER, made.mine, SECRET_NAME)
    place = made.world.settings.claim_namespace
    return made.claim(identity.backend(), place, labels={**identity.labels, "team": "shop"})


def certificate_of(cluster: Cluster) -> ClientCertificate:
    """With which a kubeconfig's user comes."""
    source = kubeconfig.load(cluster.kubeconfig).source
    assert isinstance(source, Fixed)
    assert source.bearer.certificate is not None
    return source.bearer.certificate


@asynccontextmanager
async def directly(made: Scene, certificate: ClientCertificate | None = None) -> AsyncIterator[Callable[..., Any]]:
    """Past the aggregator, at the connector's own port; 0 where it does not even answer."""
    endpoint = Endpoint("127.0.0.1", made.world.settings.port, "localhost", None, certificate, insecure=True)
    async with endpoint.open() as connection:

        async def ask(method: str, path: str, **headers: str) -> int:
            try:
                return (await send(connection, method, path, "", b"", **headers)).status
            except ClientError:
                return 0

        yield ask
