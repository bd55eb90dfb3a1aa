"""Asking both clusters for what `doctor` judges. Nothing is changed, and what may not be read is said, not guessed."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from fairlead.aggregation import frontproxy
from fairlead.aggregation.registering import APISERVICES
from fairlead.client import discovery, reviews
from fairlead.client.api import Client
from fairlead.connector import policies
from fairlead.connector.choosing import Choice
from fairlead.connector.installing import causes, rights
from fairlead.connector.installing.facts import ControlPlaneFacts, Facts, Object
from fairlead.connector.installing.installed import SECRETS, Installed
from fairlead.connector.preparing import APP_CLUSTERS, CONFIGMAPS, NAMESPACES
from fairlead.crossplane import xrds
from fairlead.machinery import statuses, webtokens
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

SERVICES = Resource("", "v1", "services")
SLICES = Resource("discovery.k8s.io", "v1", "endpointslices")
POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies")
_T = TypeVar("_T")


async def gather(
    app: Client, installed: Installed, control_plane: Client | None, problem: str = "", claim_namespace: str = ""
) -> Facts:
    """`problem`: why the control plane cannot even be tried. Raises what the client raises for the app cluster."""
    service = installed.service
    unseen: list[str] = []
    uid = (await app.get(NAMESPACES, "kube-system"))["metadata"]["uid"]
    facts = Facts(
        service_name=service,
        now=time.time(),
        cluster_uid=uid,
        cluster_id=installed.argument("--cluster-id") or uid,
        claim_namespace=claim_namespace or installed.argument("--claim-namespace"),
        authentication=await _authentication(app, unseen),
        api_services=tuple((await app.list(APISERVICES)).items),
        service=await _one(app, SERVICES, service.name, service.namespace, unseen),
        slices=await _all(app, SLICES, service.namespace, unseen, f"kubernetes.io/service-name={service.name}"),
        certificate=await _one(app, SECRETS, service.secret, service.namespace, unseen),
        deployment=installed.deployment,
        network_policies=await _all(app, POLICIES, service.namespace, unseen),
        app_clock=await _clock(app),
    )
    facts = replace(facts, unenforced_policies=await _unenforced(app, facts, unseen))
    if problem:
        return replace(facts, control_plane=ControlPlaneFacts(problem), unseen=tuple(unseen))
    there = await _control_plane(control_plane, facts, installed, unseen) if control_plane else None
    return replace(facts, control_plane=there, unseen=tuple(unseen))


async def _one(app: Client, resource: Resource, name: str, namespace: str, unseen: list[str]) -> Object | None:
    try:
        return await app.get(resource, name, namespace)
    except statuses.NotFound:
        return None
    except statuses.Forbidden:
        unseen.append(f"{resource.qualified} {namespace}/{name} may not be read")
        return None


async def _all(
    app: Client, resource: Resource, namespace: str, unseen: list[str], selector: str = ""
) -> tuple[Object, ...]:
    try:
        return tuple((await app.list(resource, namespace, label_selector=selector)).items)
    except statuses.NotFound:  # an API that this cluster does not have
        return ()
    except statuses.Forbidden:
        unseen.append(f"{resource.qualified} of {namespace} may not be listed")
        return ()


async def _unenforced(app: Client, facts: Facts, unseen: list[str]) -> tuple[str, ...]:
    names = {each["metadata"]["name"] for each in causes.ours(facts)}
    served = [
        Resource(group.name, version.version, resource.plural)
        for group in await discovery.discover(app)
        for version in group.versions
        if f"{version.version}.{group.name}" in names
        for resource in version.resources
    ]
    try:
        return tuple(map(str, await policies.look(app, served)))
    except statuses.Forbidden:
        unseen.append("admission policies may not be listed")
        return ()


async def _authentication(app: Client, unseen: list[str]) -> dict[str, str] | None:
    found = await _one(app, CONFIGMAPS, frontproxy.NAME, frontproxy.NAMESPACE, unseen)
    return None if found is None else dict(found.get("data") or {})


async def _clock(client: Client) -> float | None:
    """Of the server, by the `Date` of an answer; the way there and back is short beside what is asked of it."""
    answer = await client.connection.request("GET", "/version")
    try:
        return parsedate_to_datetime(answer.headers.get("date")).timestamp()
    except (ValueError, TypeError):
        return None


async def _control_plane(client: Client, facts: Facts, installed: Installed, unseen: list[str]) -> ControlPlaneFacts:
    expires = await _attempt(_token_expires(client))
    found = ControlPlaneFacts(token_expires=expires)
    try:
        clock = await _clock(client)
        definitions = (await client.list(xrds.V1)).items
        choice = Choice.parse(
            installed.all("--allow-api"), installed.all("--deny-api"), installed.argument("--api-selector")
        )
        kinds = sorted(rights.served(definitions, choice=choice))
        allowed = await asyncio.gather(*(_may_serve(client, each, facts.claim_namespace) for each in kinds))
        registered = await _cluster_ids(client, facts.claim_namespace, unseen)
    except FairleadError as error:
        return replace(found, problem=str(error))
    lacking = [f"{plural}.{group}" for (group, plural), may in zip(kinds, allowed, strict=True) if not may]
    return ControlPlaneFacts("", tuple(definitions), tuple(lacking), registered, clock, expires)


async def _cluster_ids(client: Client, namespace: str, unseen: list[str]) -> dict[str, str]:
    if not namespace:
        unseen.append("the claim namespace is not known; name it with --claim-namespace")
        return {}
    found = await _one(client, CONFIGMAPS, APP_CLUSTERS, namespace, unseen)
    return dict((found or {}).get("data") or {})


async def _may_serve(client: Client, kind: rights.Kind, namespace: str) -> bool:
    """One verb speaks for all: installing grants them together."""
    return (await reviews.may_i(client, "list", Resource(kind[0], "v1", kind[1]), namespace)).allowed


async def _attempt(work: Awaitable[_T]) -> _T | None:
    try:
        return await work
    except FairleadError:
        return None


async def _token_expires(client: Client) -> float | None:
    header = (await client.connection.settings.source.current()).header
    ends: Any = webtokens.claims(header.removeprefix("Bearer ")).get("exp")
    return float(ends) if isinstance(ends, int | float) else None
