"""`fairlead demo`: a claim's way from an app cluster to a control plane, on one screen.

Everything is the real code but two things, and the screen says which: both API servers are embedded ones, and
Crossplane is simulated. What the screen shows is read back through the same APIs that a person would ask.
"""

import asyncio
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli import screens
from fairlead.machinery import conditions, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

if TYPE_CHECKING:
    from fairlead.client.api import Client
    from fairlead.client.targets import Cluster
    from fairlead.embedded.playground import Playground

Object = dict[str, Any]

CLAIM_NAMESPACE = "team-shop"
CLUSTER_ID = "shop-cluster"
SERVICE = "fairlead-connector"
SERVICE_NAMESPACE = "kube-system"
NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
SERVICES = Resource("", "v1", "services")
DEADLINE = 30.0
_PAUSE = 0.05
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class DemoError(FairleadError):
    """The demo did not come to its end."""


@dataclass(frozen=True)
class Shown:
    """What the screen tells, all of it observed."""

    clusters: float
    connector: float
    claim: float
    """Seconds that each took."""
    app: list[str]
    control_plane: list[str]
    group: str
    stored: int
    """How many objects of the group the app cluster's own storage holds."""
    commands: list[str]


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the screen instead of waiting.")] = False,
) -> None:
    """Show a claim travel from an app cluster to a control plane, in this process."""
    from fairlead.cli.stopping import until_asked
    from fairlead.serving import loops

    try:
        folder = tempfile.TemporaryDirectory(prefix="fairlead-demo-")
    except OSError as error:
        raise DemoError("no temporary folder can be made", error.strerror or "", "set TMPDIR to one") from error
    with folder as name:
        loops.run(until_asked(_run(Path(name), once)))


async def _run(folder: Path, once: bool) -> None:
    from fairlead.cli.stopping import forever
    from fairlead.embedded.playground import Playground

    async with AsyncExitStack() as stack:
        shown = await _show(folder, stack, Playground(folder))
        typer.echo("\n".join(screen(shown)))
        if not once:
            typer.echo("\nCtrl-C ends the demo and cleans up.")
            await forever()


async def _show(folder: Path, stack: AsyncExitStack, starting: "Playground") -> Shown:
    """Leaves everything running until the stack is closed."""
    from fairlead.embedded.simulator import simulating

    began = time.monotonic()
    playground = await stack.enter_async_context(starting)
    app = await stack.enter_async_context(playground.app.open())
    control_plane = await stack.enter_async_context(playground.control_plane.open())
    started = time.monotonic()
    await _connect(stack, playground, app, control_plane)
    connected = time.monotonic()
    claims = await _claim(app, simulating.demo_claim())
    ready = time.monotonic()
    return Shown(
        started - began,
        connected - started,
        ready - connected,
        await _table(app, claims),
        await _table(control_plane, claims),
        claims.group,
        len(playground.stored(claims.group)),
        _commands(folder, playground.app, claims),
    )


async def _connect(stack: AsyncExitStack, playground: "Playground", app: "Client", control_plane: "Client") -> None:
    """The platform team offers a database; the app cluster gets a Service and the connector behind it."""
    from fairlead.connector import running
    from fairlead.connector.settings import ServiceName, Settings
    from fairlead.crossplane import xrds
    from fairlead.embedded.simulator import simulating
    from fairlead.serving import listening

    await control_plane.create(NAMESPACES, {"metadata": {"name": CLAIM_NAMESPACE}})
    await control_plane.create(xrds.V1, simulating.demo_xrd())
    bound = listening.bind()  # held from here on: a port that is let go may be another program's by the time it is used
    stack.callback(bound.close)
    port: int = bound.getsockname()[1]
    service = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    await app.create(SERVICES, {"metadata": {"name": SERVICE, "namespace": SERVICE_NAMESPACE}, "spec": service})
    settings = Settings(
        kubeconfig=playground.app.kubeconfig,
        control_plane_kubeconfig=playground.control_plane.kubeconfig,
        claim_namespace=CLAIM_NAMESPACE,
        service=ServiceName(SERVICE_NAMESPACE, SERVICE),
        cluster_id=CLUSTER_ID,
        service_port=port,
        bind="127.0.0.1",
        port=port,
    )
    await stack.enter_async_context(running.serve(settings, bound))


async def _claim(app: "Client", claim: Object) -> Resource:
    """Creates the claim in the app cluster as soon as its API is there, and waits until it is ready."""
    from fairlead.client import discovery, watching
    from fairlead.client.watching import Applied, Listed
    from fairlead.machinery.discovery import resources

    metadata = claim["metadata"]
    try:
        async with asyncio.timeout(DEADLINE):
            wanted = (claim["apiVersion"], claim["kind"])
            claims: Resource | None = None
            while claims is None:
                served = resources(await discovery.discover(app))
                claims = next((each for each, api in served if (str(each.group_version), api.kind) == wanted), None)
            await _served(lambda: app.create(claims, claim))
            selector = f"metadata.name={metadata['name']}"
            async with aclosing(watching.watch(app, claims, metadata["namespace"], field_selector=selector)) as events:
                async for event in events:
                    known = event.items if isinstance(event, Listed) else []
                    known = [event.object] if isinstance(event, Applied) else known
                    if any(conditions.is_true(each, "Ready") for each in known):
                        return claims
    except TimeoutError as error:
        raise DemoError("the demo's claim did not become ready", f"{DEADLINE:.0f} s have passed") from error
    raise DemoError("the demo's claim did not become ready", "its watch ended")


async def _table(client: "Client", resource: Resource) -> list[str]:
    return screens.table(await _served(lambda: client.read(resource.path(), accept=TABLE)))


async def _served(ask: Callable[[], Awaitable[Object]]) -> Object:
    """Asks again while the aggregator has not yet found that the connector answers; it says 503 until then."""
    for _ in range(int(DEADLINE / _PAUSE)):
        try:
            return await ask()
        except statuses.ServiceUnavailable:
            await asyncio.sleep(_PAUSE)
    raise DemoError("the app cluster's API server does not find the connector", f"{DEADLINE:.0f} s have passed")


def _commands(folder: Path, app: "Cluster", claims: Resource) -> list[str]:
    """They paste as they are, whether or not kubectl is installed."""
    itself = (
        str(Path(sys.argv[0]).resolve()) if Path(sys.argv[0]).name == "fairlead" else f"{sys.executable} -m fairlead"
    )
    playground = f"{itself} playground --dir {shlex.quote(str(Path.home() / 'fairlead-playground'))}"
    if shutil.which("kubectl"):
        kubeconfig = shlex.quote(str(app.kubeconfig))
        return [
            f"export KUBECONFIG={kubeconfig}; kubectl get claim -A",
            f"export KUBECONFIG={kubeconfig}; kubectl explain {claims.plural}.spec",
            playground,
        ]
    return [*_curl(folder, app, claims), playground]


def _curl(folder: Path, app: "Cluster", claims: Resource) -> list[str]:
    from fairlead.client import kubeconfig
    from fairlead.client.credentials import Fixed

    settings = kubeconfig.load(app.kubeconfig)
    source = settings.source
    certificate = source.bearer.certificate if isinstance(source, Fixed) else None
    if certificate is None or settings.authority is None:
        raise DemoError("the playground's kubeconfig holds no client certificate")
    authority, own = folder / "ca.pem", folder / "client.pem"
    authority.write_bytes(settings.authority)
    own.touch(mode=0o600)
    own.write_bytes(certificate.certificate + certificate.key)
    curl = f"curl --silent --cacert {shlex.quote(str(authority))} --cert {shlex.quote(str(own))}"
    return [
        f"{curl} -H 'Accept: application/yaml' {settings.server}{claims.path('default', 'orders')}",
        f"{curl} -X DELETE {settings.server}{claims.path('default', 'orders')}",
    ]


def screen(shown: Shown) -> list[str]:
    total = shown.clusters + shown.connector + shown.claim
    return [
        f"Ready in {total:.1f} s: clusters {shown.clusters:.1f} s, connector {shown.connector:.1f} s, "
        f"claim {shown.claim:.1f} s.",
        "Simulated: Crossplane; both API servers are embedded. Real: the connector between them.",
        "",
        "The claim, as the app team sees it in the app cluster:",
        *(f"  {line}" for line in shown.app),
        "",
        "The only copy, in the control plane under its hashed name:",
        *(f"  {line}" for line in shown.control_plane),
        "",
        f"Stored in the app cluster of {shown.group}: {shown.stored} objects.",
        "",
        "Try next, in another terminal:",
        *(f"  {line}" for line in shown.commands),
    ]
