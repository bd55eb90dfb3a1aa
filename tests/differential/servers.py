"""Where the two sides come from: three real API servers and a connector process, or two embedded ones in this process.

No controllers run beside the real ones, so that nothing happens between two requests: finalizers that a garbage
collector would take off stay on both sides.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.client.errors import Unreachable
from fairlead.client.targets import Cluster
from fairlead.connector.handling import Claims
from fairlead.connector.namespaces import Namespace
from fairlead.connector.naming import Scope
from fairlead.connector.publishing import Synchronizer
from fairlead.connector.sources import SourceName, Sources, of_crd
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.machinery import encoding
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal
from testenv.servers import RealCluster
from tests.differential import kind
from tests.differential.comparing import Exceptions
from tests.differential.twins import Send, Side, Twins
from tests.e2e import manifests, world
from tests.e2e.hands import Plain

SCOPE = Scope("differential", "diff-claims")
SECONDS = 30.0


LOST = Response(0, Headers([("content-type", "nothing: the connection was lost")]), b"")
"""A server that panics over a request closes its connection; that is an answer too, and not to be met here."""


def sender(connection: Connection) -> Send:
    async def send(request: Request) -> Response:
        try:
            return await connection.request(
                request.method, request.path, query=request.query, headers=request.headers, body=request.body,
                timeout=SECONDS,
            )  # fmt: skip
        except Unreachable as error:
            if not error.sent:
                raise
            return LOST

    return send


@asynccontextmanager
async def twins(local: Cluster, through: Cluster) -> AsyncIterator[Twins]:
    async with local.open() as one, through.open() as other:
        yield Twins(Side(sender(one.connection)), Side(sender(other.connection)), Exceptions.load())


@contextmanager
def real(directory: Path, xrd_crd: Path) -> Iterator[tuple[Cluster, Cluster]]:
    """The server that stores the kind, and the app cluster that reaches it through the connector."""
    with ExitStack() as stack:
        local, app, control_plane = (
            stack.enter_context(RealCluster(name, directory / name, ())) for name in ("local", "app", "control-plane")
        )
        hands = {each.name: stack.enter_context(Plain.of(each)) for each in (local, app, control_plane)}
        for each in ("local", "app"):
            for namespace in kind.NAMESPACES:
                hands[each].create(manifests.namespace(namespace))
        hands["control-plane"].create(manifests.namespace(world.CLAIMS))
        hands["control-plane"].apply(encoding.from_yaml(xrd_crd.read_bytes()))
        for each in ("local", "control-plane"):
            hands[each].apply(kind.crd())
            world.eventually(partial(hands[each].names, kind.WIDGETS))
        port = world.free_port()
        hands["app"].create(manifests.service("kube-system", "fairlead-connector", port))
        allowed = ("--allow-crd", f"widgets.{kind.GROUP}")
        stack.enter_context(world.connector(app, control_plane, port, *allowed))
        world.eventually(lambda: hands["app"].names(kind.WIDGETS))
        yield local, app


# -- in this process ---------------------------------------------------------------------------------------------------


class AllActive:
    async def find(self, name: str) -> Namespace | None:
        return None if name == kind.MISSING_NAMESPACE else Namespace(name, f"uid-of-{name}")


async def allowed(principal: Principal, info: RequestInfo) -> None:
    """Authorization is not what is compared."""


@asynccontextmanager
async def embedded(directory: Path) -> AsyncIterator[Twins]:
    """The connector's handler without processes or an app cluster, so that a test can break it."""
    async with AsyncExitStack() as stack:
        local, control_plane = [
            await stack.enter_async_context(
                (await stack.enter_async_context(EmbeddedCluster(name, directory / name))).open()
            )
            for name in ("local", "control-plane")
        ]
        for client, namespaces in ((local, kind.NAMESPACES), (control_plane, (SCOPE.namespace,))):
            for each in namespaces:
                await client.create(manifests.NAMESPACES, manifests.namespace(each))
            await client.create(manifests.CRDS, kind.crd())
            await _served(client)
        claims = await _claims(control_plane)

        async def through(request: Request) -> Response:
            answer = await claims.handle(request, Principal("differential"))
            if not isinstance(answer.body, bytes):
                return Response(answer.status, answer.headers, b"".join([each async for each in answer.body]))
            return answer

        yield Twins(Side(sender(local.connection)), Side(through), Exceptions.load(), carried_out=True)


async def _served(client: Client) -> None:
    async for each in _established(client):
        if each:
            return


async def _established(client: Client) -> AsyncIterator[bool]:
    for _ in range(100):
        found = await client.get(manifests.CRDS, f"widgets.{kind.GROUP}")
        yield of_crd(found) is not None
    raise AssertionError("the kind is never established")


async def _claims(control_plane: Client) -> Claims:
    crd = await control_plane.get(manifests.CRDS, f"widgets.{kind.GROUP}")
    sources = Sources().applied(SourceName("crd", f"widgets.{kind.GROUP}"), of_crd(crd))
    catalog = await Synchronizer(control_plane).catalog(sources, None)
    return Claims(SCOPE, control_plane.connection, lambda: catalog, AllActive(), allowed)
