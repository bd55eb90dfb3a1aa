"""Who owns what the connector makes in the app cluster: an object of the release, so that all of it goes together.

Helm does not know what is registered at run time. An APIService that outlives its connector fails every deletion of a
namespace; with an owner the app cluster's garbage collector removes it, also when no connector is alive to do so. A
hook that deletes would need an image that runs at the worst of times.

The reference has no `blockOwnerDeletion`, so that it takes no right on the owner but to read it, with the admission
plugin OwnerReferencesPermissionEnforcement as well.

Source: issue Connector, 5; reference/connector-and-migration.md (b) 4.
"""

from typing import Any

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)


class OwnerError(FairleadError):
    """The owner is gone, so what it would own is not to be registered again."""


async def references(client: Client, cluster_role: str) -> list[Object]:
    """None where no owner is wanted. Raises `OwnerError` and what the client raises.

    Asked each time: an owner that was made anew has another uid, and what carries the old one is collected.
    """
    if not cluster_role:
        return []
    try:
        found = await client.get(CLUSTER_ROLES, cluster_role)
    except statuses.NotFound:
        raise OwnerError(
            f"ClusterRole {cluster_role}, which is to own the APIServices, is not there",
            "its release is being removed",
            "or give another with --owner-cluster-role",
        ) from None
    if found["metadata"].get("deletionTimestamp"):
        raise OwnerError(f"ClusterRole {cluster_role}, which owns the APIServices, is being deleted")
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "name": cluster_role,
            "uid": found["metadata"]["uid"],
        }
    ]


class Owner:
    """As it was last looked at."""

    def __init__(self, client: Client, cluster_role: str) -> None:
        self._client = client
        self._cluster_role = cluster_role
        self.references: list[Object] = []

    def current(self) -> list[Object]:
        return self.references

    async def look(self) -> None:
        """Raises `OwnerError` and what the client raises."""
        self.references = await references(self._client, self._cluster_role)
