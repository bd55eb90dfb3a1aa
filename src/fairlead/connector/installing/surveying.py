"""Before anything is changed: what there is in both clusters, and everything that stands in the way.

Rights are asked for, and each object is rehearsed by the API server itself (a dry run of its apply), because it alone
knows its admission rules and which rights may be handed on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fairlead.client.api import Client
from fairlead.connector.choosing import Choice
from fairlead.connector.installing import kinds, rights, ways
from fairlead.connector.installing.kinds import HELM, title
from fairlead.connector.installing.permits import Step, refused
from fairlead.connector.installing.planning import Order
from fairlead.connector.installing.rights import Grant
from fairlead.connector.installing.values import at
from fairlead.connector.installing.ways import Kind, Way
from fairlead.connector.preparing import APP_CLUSTERS, CONFIGMAPS, NAMESPACES
from fairlead.crossplane import xrds
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
MANAGER = "fairlead"


class InstallError(FairleadError):
    """The installation cannot begin, or did not come to its end."""


@dataclass(frozen=True)
class Survey:
    grant: Grant
    objects: list[Object]
    """Of the release."""
    stale: list[Object]
    """Of the release as it is there, and not of the new one."""
    definitions: list[Object]
    choice: Choice
    upgrade: bool
    namespace_there: bool


async def survey(order: Order, app: Client, way: Way, *, rehearse: bool = False) -> Survey:
    """`rehearse`: nothing is going to be done. Raises `InstallError`, and what the client raises."""
    objects = order.objects()
    if order.own_credentials:
        ways.with_own_credentials(way, order.control_plane)
    await _usable("the app cluster", app)
    await _usable(f"control plane {order.control_plane}", way.client)
    if await _absent(app, NAMESPACES, order.release.namespace):
        namespace = order.release.namespace
        raise InstallError(f"the app cluster has no namespace {namespace}", "", f"kubectl create namespace {namespace}")
    if not rehearse:
        await _check_helm(order, app)
    uid = (await app.get(NAMESPACES, "kube-system"))["metadata"]["uid"]
    grant, definitions, choice = await _offer(order, way, uid)
    there = not await _absent(way.client, NAMESPACES, order.claim_namespace)
    await _check_cluster_id(order, way.client, grant.cluster, uid)
    await _check_rights("the app cluster", app, _app_steps(order, objects))
    await _check_rights("the control plane", way.client, _control_plane_steps(order, way, grant, there))
    existing = await kinds.held(app, order.release.ownership, order.release.name)
    await _check_owners(order, app, objects)
    await _rehearse("the app cluster", app, objects, HELM)
    if way.kind is Kind.CONTEXT and not order.own_credentials:
        made = [obj for resource, obj in rights.objects(grant) if there or not resource.namespaced]
        await _rehearse("the control plane", way.client, made, MANAGER)
    kept = {kinds.key(each) for each in objects}
    stale = [each for each in existing if kinds.key(each) not in kept]
    return Survey(grant, objects, stale, definitions, choice, bool(existing), there)


async def _usable(what: str, client: Client) -> None:
    try:
        await client.read("/version")
    except FairleadError as error:
        raise InstallError(f"{what} cannot be used", str(error)) from error


async def _check_helm(order: Order, app: Client) -> None:
    """What Helm records of a release would belie what we change in it."""
    release = order.release
    try:
        selector = f"owner=helm,name={release.name}"
        found = await app.list(kinds.KINDS["Secret"], release.namespace, label_selector=selector)
    except statuses.Forbidden:
        return
    if found.items:
        raise InstallError(
            f"release {release.namespace}/{release.name} is Helm's",
            "it records one",
            "use `helm upgrade`, with the values of `--dry-run -o values`",
        )


async def _absent(client: Client, resource: Resource, name: str) -> bool:
    try:
        await client.get(resource, name)
    except statuses.NotFound:
        return True
    return False


async def _offer(order: Order, way: Way, uid: str) -> tuple[Grant, list[Object], Choice]:
    values = order.effective
    choice = Choice.parse(
        at(values, "apis.allow") or (), at(values, "apis.deny") or (), at(values, "apis.selector") or ""
    )
    try:
        definitions = (await way.client.list(xrds.V1)).items
    except statuses.NotFound:
        raise InstallError(
            f"control plane {order.control_plane} has no CompositeResourceDefinitions", "", "install Crossplane there"
        ) from None
    except statuses.Forbidden as error:
        raise InstallError("the control plane's definitions cannot be read", str(error)) from error
    named = [await way.client.get(CRDS, name) for name in at(values, "apis.crds") or ()]
    kinds_served = rights.served(definitions, named, choice)
    return order.grant(at(values, "clusterID") or uid, kinds_served), definitions, choice


async def _check_cluster_id(order: Order, control_plane: Client, cluster: str, uid: str) -> None:
    try:
        found = await control_plane.get(CONFIGMAPS, APP_CLUSTERS, order.claim_namespace)
    except (statuses.NotFound, statuses.Forbidden):
        return
    holder = (found.get("data") or {}).get(cluster)
    if holder not in (None, uid):
        raise InstallError(
            f"the cluster id {cluster!r} is another app cluster's in namespace {order.claim_namespace}",
            f"its kube-system has the uid {holder}",
            f"set another clusterID; if that cluster is gone, remove the entry from ConfigMap {APP_CLUSTERS} there",
        )


# -- rights ------------------------------------------------------------------------------------------------------------


def _app_steps(order: Order, objects: Iterable[Object]) -> list[Step]:
    steps = [
        Step(verb, kinds.resource(each), each["metadata"].get("namespace"))
        for each in objects
        for verb in ("get", "create", "patch")
    ]
    if order.effective["spaces"]["controlPlane"].get("kubeconfigSecret", {}).get("name") == order.secret:
        steps += [Step(verb, kinds.KINDS["Secret"], order.release.namespace) for verb in ("create", "patch")]
    return steps


def _control_plane_steps(order: Order, way: Way, grant: Grant, there: bool) -> list[Step]:
    steps = [] if there else [Step("create", NAMESPACES)]
    if way.kind is Kind.CONTEXT and not order.own_credentials:
        steps += [
            Step(verb, resource, obj["metadata"].get("namespace"))
            for resource, obj in rights.objects(grant)
            for verb in ("create", "patch")
        ]
        return [*steps, Step("create", rights.SERVICE_ACCOUNTS, grant.namespace, grant.name, "token")]
    # As whom the connector will ask: then it needs itself what a ServiceAccount would have been given.
    served = [
        Step(verb, Resource(group, "v1", plural), grant.namespace)
        for group, plural in sorted(grant.kinds)
        for verb in ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
    ]
    return [*steps, *served, *(Step(verb, CONFIGMAPS, grant.namespace) for verb in ("get", "create", "update"))]


async def _check_rights(what: str, client: Client, steps: list[Step]) -> None:
    lacking = await refused(client, steps)
    if lacking:
        said = ", ".join(map(str, lacking[:5])) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        raise InstallError(f"{what} does not let you", said, "use credentials that may, or ask for these rights")


async def _check_owners(order: Order, app: Client, objects: Iterable[Object]) -> None:
    for each in objects:
        metadata = each["metadata"]
        try:
            found = await app.get(kinds.resource(each), metadata["name"], metadata.get("namespace"))
        except statuses.NotFound:
            continue
        if not kinds.belongs(found, order.release.ownership):
            raise InstallError(
                f"{title(each)} exists and does not belong to release {order.release.name}",
                "it would be overwritten",
                "choose another --release, or remove it",
            )


async def _rehearse(what: str, client: Client, objects: Iterable[Object], manager: str) -> None:
    """Without bindings: whether one may be made depends on a role that is not there yet."""
    for each in objects:
        if each["kind"] in _BINDINGS:
            continue
        try:
            await client.apply(kinds.resource(each), each, manager=manager, force=True, dryRun="All")
        except statuses.StatusError as error:
            raise InstallError(f"{what} refuses {title(each)}", str(error)) from error
