"""Taking a release out of the app cluster, and saying what stays in the control plane.

APIServices go first: one without a server behind it would keep every namespace of the app cluster from being deleted.
Claims are not touched, they live in the control plane.

Source: reference/connector-and-migration.md (b) 4, 21.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fairlead.aggregation.leasing import LEASES
from fairlead.aggregation.registering import APISERVICES
from fairlead.client.api import Client
from fairlead.connector import publishing
from fairlead.connector.chart.releases import Release
from fairlead.connector.installing import kinds, rights
from fairlead.connector.installing.installed import DEPLOYMENTS, SECRETS, Installed, NotInstalledError
from fairlead.connector.installing.kinds import title
from fairlead.connector.installing.planning import PART
from fairlead.connector.installing.rights import Grant
from fairlead.connector.installing.surveying import InstallError
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
Tell = Callable[[str], None]


def of_namespace(found: list[Installed], claim_namespace: str, release: Release) -> Installed:
    """The release that serves that claim namespace. Raises `NotInstalledError`."""
    for each in found:
        here = (each.service.namespace, each.release) == (release.namespace, release.name)
        if here and each.argument("--claim-namespace") == claim_namespace:
            return each
    there = ", ".join(
        f"{each.service.namespace}/{each.release or each.service.name} of {each.argument('--claim-namespace') or '?'}"
        for each in found
    )
    raise NotInstalledError(
        f"release {release.namespace}/{release.name} of claim namespace {claim_namespace} is not installed",
        f"there is {there or 'none'}",
        "name it with --release and -n",
    )


@dataclass(frozen=True)
class Removal:
    api_services: list[Object]
    objects: list[tuple[Resource, Object]]
    """Of the release, of Helm's record of it, and what the connector made for itself; in the order in which they go."""

    def __len__(self) -> int:
        return len(self.api_services) + len(self.objects)


async def planned(app: Client, release: Release) -> Removal:
    """Raises what the client raises."""
    selector = f"{publishing.CONNECTOR}={release.name}.{release.namespace}"
    services = (await app.list(APISERVICES, label_selector=selector)).items
    found = await kinds.held(app, release.ownership, release.name)
    mine = ",".join(f"{key}={value}" for key, value in {**PART, "app.kubernetes.io/instance": release.name}.items())
    for selector in (mine, f"owner=helm,name={release.name}"):
        found = (await app.list(SECRETS, release.namespace, label_selector=selector)).items + found
    # The Deployment before the rest, so that nothing registers again what is gone.
    order = sorted(found, key=lambda each: each["kind"] != "Deployment")
    own = [(SECRETS, release.serving_secret), (LEASES, release.name)]
    made = [(resource, await _there(app, resource, name, release.namespace)) for resource, name in own]
    objects = [(kinds.resource(each), each) for each in order]
    return Removal(services, objects + [(resource, each) for resource, each in made if each is not None])


async def _there(app: Client, resource: Resource, name: str, namespace: str) -> Object | None:
    try:
        return await app.get(resource, name, namespace)
    except statuses.NotFound:
        return None


async def remove(app: Client, removal: Removal, release: Release, tell: Tell) -> None:
    """Raises `InstallError`."""
    for resource, each in removal.objects:
        if resource == DEPLOYMENTS:
            await _gone(app, resource, each)
    for each in removal.api_services:
        await _gone(app, APISERVICES, each)
    tell(f"{len(removal.api_services)} APIServices removed")
    for resource, each in removal.objects:
        await _gone(app, resource, each)
    tell(f"{len(removal.objects)} objects of release {release.name} removed")
    left = (await planned(app, release)).api_services
    if left:
        names = ", ".join(each["metadata"]["name"] for each in left)
        raise InstallError("a connector that is ending registered again", names, "run it again")


async def _gone(app: Client, resource: Resource, obj: Object) -> None:
    metadata = obj["metadata"]
    options = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
    try:
        await app.delete(resource, metadata["name"], metadata.get("namespace"), options=options)
    except (statuses.NotFound, statuses.Conflict):  # gone, or made anew by somebody else
        return


async def remove_access(control_plane: Client, grant: Grant) -> list[str]:
    """What was removed, as titles."""
    removed = []
    for resource, obj in reversed(rights.removable(grant)):
        try:
            await control_plane.delete(resource, grant.name, obj["metadata"].get("namespace"))
        except statuses.NotFound:
            continue
        removed.append(title(obj))
    return removed
