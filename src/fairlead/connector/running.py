"""The connector as a process: two clusters, one listener, and the loops that keep it current.

It begins to listen before it knows anything (and then answers 503), because the aggregator may ask at once; it
registers APIServices only when it can answer for them.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import fairlead
from fairlead.aggregation import certifying, following
from fairlead.aggregation.certifying import SharedCertificate
from fairlead.aggregation.following import TrustFollower
from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.connector import preparing, targeting
from fairlead.connector.keeping import Connector
from fairlead.connector.measuring import APP_CLUSTER, MeasuredConnection
from fairlead.connector.naming import Scope
from fairlead.connector.owning import Owner
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.reaching import ProbedConnection, Reachability
from fairlead.connector.settings import Settings, SettingsError
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.serving import audit, listening
from fairlead.serving.listening import Listening
from fairlead.serving.metrics import Metrics

_log = logging.getLogger(__name__)


async def uid_of(app: Client) -> str:
    """Of the app cluster: its `kube-system` lives as long as it does. Raises what the client raises."""
    return str((await app.get(NAMESPACES, "kube-system"))["metadata"]["uid"])


async def _usable(role: str, client: Client) -> None:
    try:
        await client.read("/version")
    except FairleadError as error:
        raise SettingsError(f"the {role} cannot be used", str(error)) from error


async def _usable_some_day(control_plane: Client, reachability: Reachability, prober: Connection) -> None:
    """A control plane that is down for now is waited for; one that will not have us is an error now."""
    error = await reachability.look(prober)
    if error is None:
        try:
            await _usable("control plane", control_plane)
        except SettingsError as refused:
            if not isinstance(refused.__cause__, statuses.StatusError) or refused.__cause__.status_code < 500:
                raise
            _log.warning("the control plane is not ready: %s", refused.__cause__)
    elif error.retryable:
        reachability.lost(error)
    else:
        raise SettingsError("the control plane cannot be used", str(error)) from error


@dataclass(frozen=True)
class Running:
    listening: Listening
    connector: Connector
    tasks: tuple[asyncio.Task[None], ...]

    async def ended(self) -> None:
        """Returns or raises when one of the loops, which never end by themselves, has ended."""
        done, _ = await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()


@asynccontextmanager
async def serve(settings: Settings, bound: socket.socket | None = None) -> AsyncIterator[Running]:
    """Serves from entering to leaving; entered once the APIs are registered. Raises `FairleadError`."""
    settings.check()
    opened = listening.bind(settings.bind, settings.port) if bound is None else bound
    async with AsyncExitStack() as stack:
        stack.callback(opened.close)
        reachability, metrics = Reachability(), Metrics(fairlead.__version__)
        app_target = targeting.app_cluster(settings.kubeconfig)
        app = await stack.enter_async_context(Client(MeasuredConnection(app_target, metrics, APP_CLUSTER)))
        log = stack.enter_context(audit.opened(settings.audit_log))
        target = targeting.control_plane(settings)
        prober = await stack.enter_async_context(Connection(target))
        control_plane = await stack.enter_async_context(Client(ProbedConnection(target, reachability, metrics)))
        await _usable("app cluster", app)
        await _usable_some_day(control_plane, reachability, prober)
        service = settings.service
        owner = Owner(app, settings.owner_cluster_role)
        await owner.look()
        certificate = SharedCertificate(
            *(app, service.namespace, service.secret, service.dns),
            announcing=certifying.ANNOUNCING,
            owners=owner.current,
        )
        await certificate.begin()
        tls = certificate.tls
        trust = TrustFollower(tls)
        uid = await uid_of(app)
        scope = Scope(settings.cluster_id or uid, settings.claim_namespace)
        connector = Connector(settings, app, control_plane, scope, uid, certificate, reachability, metrics, owner)
        handler = connector.handler(trust, log)
        listener = await stack.enter_async_context(listening.listen(handler, tls=tls, bound=opened))
        work = _prepared(preparing.prepare(control_plane, scope, uid, reachability.pause), connector)
        tasks = await stack.enter_async_context(
            _tasks(trust.follow(following.watch(app)), work, reachability.probe(prober))
        )
        running = Running(listener, connector, tasks)
        await _first(running.ended(), _ready(trust, connector))
        try:
            yield running
        finally:
            await _drained(connector, settings.shutdown_delay)


async def _prepared(first: Awaitable[None], connector: Connector) -> None:
    await first
    await connector.run()


async def _drained(connector: Connector, seconds: float) -> None:
    """Unready first, so that whoever sends requests here has time to notice; a second signal cuts it short."""
    connector.end()
    if seconds:
        _log.info("ending: unready, and answering for another %g s", seconds)
        await asyncio.sleep(seconds)


async def _ready(trust: TrustFollower, connector: Connector) -> None:
    await trust.known()
    await connector.state.ready.wait()


async def _first(*work: Coroutine[Any, Any, None]) -> None:
    """Until one of them returns or raises."""
    async with _tasks(*work) as tasks:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()


@asynccontextmanager
async def _tasks(*work: Coroutine[Any, Any, None]) -> AsyncIterator[tuple[asyncio.Task[None], ...]]:
    """Cancelled on leaving."""
    started = tuple(asyncio.create_task(each) for each in work)
    try:
        yield started
    finally:
        for each in started:
            each.cancel()
        await asyncio.gather(*started, return_exceptions=True)
