"""Doing it: the control plane's side first, then the app cluster's, then waiting until the APIs are there.

Every step is an apply of what should be, so whatever an interrupted run left behind, the next one completes it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fairlead.aggregation import registering
from fairlead.aggregation.registering import APISERVICES
from fairlead.client.api import Client
from fairlead.connector import publishing, renewing
from fairlead.connector.installing import kinds, rights, ways
from fairlead.connector.installing.installed import DEPLOYMENTS
from fairlead.connector.installing.kinds import HELM, title
from fairlead.connector.installing.planning import Order
from fairlead.connector.installing.surveying import MANAGER, InstallError, Survey
from fairlead.connector.installing.ways import Kind, Way
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.sources import of_xrd
from fairlead.machinery import conditions, statuses
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]
Tell = Callable[[str], None]
_LOOK_SECONDS = 1.0


async def install(order: Order, app: Client, way: Way, found: Survey, tell: Tell) -> None:
    """Raises `InstallError`."""
    try:
        await _control_plane(order, app, way, found, tell)
        for each in found.objects:
            await app.apply(kinds.resource(each), each, manager=HELM, force=True)
        tell(f"app cluster: {len(found.objects)} objects of release {order.release.name} applied")
        for each in found.stale:
            await _remove(app, each)
            tell(f"app cluster: {title(each)} removed, it is no longer part of the release")
    except FairleadError as error:
        raise InstallError(
            "the installation is incomplete", str(error), "run it again: it completes what is"
        ) from error


async def _control_plane(order: Order, app: Client, way: Way, found: Survey, tell: Tell) -> None:
    grant = found.grant
    if not found.namespace_there:
        await way.client.apply(NAMESPACES, rights.namespace(grant.namespace), manager=MANAGER)
        tell(f"control plane: namespace {grant.namespace} created")
    if way.kind is not Kind.CONTEXT:
        return
    if order.own_credentials:
        document = ways.with_own_credentials(way, order.control_plane, order.server)
        tell(f"app cluster: the credentials of context {order.control_plane} are copied, with all their rights")
    else:
        for resource, obj in rights.objects(grant):
            await way.client.apply(resource, obj, manager=MANAGER, force=True)
        await _take_back(way.client, grant)
        tell(f"control plane: ServiceAccount {grant.namespace}/{grant.name} may serve {len(grant.kinds)} kinds")
        token = await renewing.token_of(way.client, grant.namespace, grant.name)
        document = ways.with_token(way, order.control_plane, token, order.server)
    await app.apply(renewing.SECRETS, order.held(document), manager=MANAGER, force=True)
    tell(f"app cluster: Secret {order.release.namespace}/{order.secret} holds the kubeconfig")


async def _take_back(client: Client, grant: rights.Grant) -> None:
    """What an earlier installation was given and this one does not need."""
    wanted = {kinds.key(obj) for _, obj in rights.objects(grant)}
    for resource, obj in rights.removable(grant):
        if kinds.key(obj) not in wanted:
            with suppress(statuses.NotFound, statuses.Forbidden):
                await client.delete(resource, grant.name, obj["metadata"].get("namespace"))


async def _remove(app: Client, obj: Object) -> None:
    try:
        await app.delete(kinds.resource(obj), obj["metadata"]["name"], obj["metadata"].get("namespace"))
    except statuses.NotFound:
        return


async def wait(order: Order, app: Client, found: Survey, seconds: float) -> int:
    """Until each API that is offered is available; answers how many. Raises `InstallError` at the deadline."""
    wanted = expected(found)
    lacking = sorted(wanted) or [f"Deployment {order.release.name}"]
    try:
        async with asyncio.timeout(seconds):
            while True:
                lacking = await _lacking(order, app, wanted)
                if not lacking:
                    return len(wanted)
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise InstallError(
            f"installed, but not available after {seconds:g} s",
            "; ".join(lacking[:3]),
            "`fairlead connector doctor` tells why",
        ) from None


def expected(found: Survey) -> set[str]:
    """Names of the APIServices of what the control plane offers by now."""
    sources = [of_xrd(each, found.choice) for each in found.definitions]
    return {f"{version}.{each.offered.group}" for each in sources if each for version in each.versions}


async def _lacking(order: Order, app: Client, wanted: set[str]) -> list[str]:
    """In words."""
    if not wanted:
        made = await app.get(DEPLOYMENTS, order.release.name, order.release.namespace)
        well = conditions.is_true(made, "Available")
        return [] if well else [f"Deployment {order.release.name} has no Pods that are ready"]
    selector = f"{publishing.CONNECTOR}={order.release.name}.{order.release.namespace}"
    services = (await app.list(APISERVICES, label_selector=selector)).items
    states = {each["metadata"]["name"]: registering.available(each) for each in services}
    missing = [f"{name} is not registered" for name in sorted(wanted - states.keys())]
    return missing + [f"{name}: {states[name][1]}" for name in sorted(wanted & states.keys()) if not states[name][0]]
