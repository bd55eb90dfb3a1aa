"""What must be so in the control plane before claims are served: a namespace for them, and a cluster id of our own.

Stored names come from the cluster id, so two app clusters with the same id in the same claim namespace would own each
other's claims. Who has an id is written down beside the claims, where the connector's rights reach: a ConfigMap of
cluster ids and the uids of their clusters' `kube-system` namespaces. A cluster that was built anew has another uid;
that it succeeds the old one is for a person to say, by removing the entry.

What the control plane does not permit is said once and left: an administrator may have prepared it.

Source: issue Connector, Deliver 3.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fairlead.client.api import Client
from fairlead.client.errors import ClientError
from fairlead.connector.naming import Scope
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

APP_CLUSTERS = "fairlead-app-clusters"
CONFIGMAPS = Resource("", "v1", "configmaps")
NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
RETRY = 2.0

_log = logging.getLogger(__name__)


class ClusterIdTakenError(FairleadError):
    """Another app cluster has this id in the claim namespace."""


async def prepare(control_plane: Client, scope: Scope, uid: str, pause: Callable[[float], Awaitable[None]]) -> None:
    """`uid` is that of the app cluster's `kube-system`. Waits for a control plane that is down.

    Raises `ClusterIdTakenError`, and any other refusal.
    """
    said = ""
    while True:
        try:
            await _permitted("namespaces", _namespace(control_plane, scope.namespace))
            await _permitted("configmaps", _register(control_plane, scope, uid))
            return
        except (statuses.StatusError, ClientError) as error:
            if not _passing(error):
                raise
            if str(error) != said:
                _log.warning("claims are not served yet: %s", error)
            said = str(error)
        await pause(RETRY)


def _passing(error: statuses.StatusError | ClientError) -> bool:
    """Whether it may be otherwise in a while; a conflict is another replica's doing."""
    if isinstance(error, ClientError):
        return error.retryable
    return error.status_code >= 500 or isinstance(
        error, statuses.Conflict | statuses.AlreadyExists | statuses.TooManyRequests
    )


async def _permitted(what: str, work: Awaitable[None]) -> None:
    try:
        await work
    except statuses.Forbidden as error:
        _log.warning("without rights on %s of the control plane this is not checked: %s", what, error)


async def _namespace(control_plane: Client, name: str) -> None:
    try:
        await control_plane.get(NAMESPACES, name)
    except statuses.NotFound:
        labels = {"app.kubernetes.io/managed-by": "fairlead-connector"}
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        await control_plane.create(NAMESPACES, document)
        _log.info("the namespace %s was created in the control plane", name)


async def _register(control_plane: Client, scope: Scope, uid: str) -> None:
    try:
        found = await control_plane.get(CONFIGMAPS, APP_CLUSTERS, scope.namespace)
    except statuses.NotFound:
        document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": APP_CLUSTERS, "namespace": scope.namespace},
            "data": {scope.cluster: uid},
        }
        await control_plane.create(CONFIGMAPS, document)
        return
    data = found.get("data") or {}
    owner = data.get(scope.cluster)
    if owner is None:
        await control_plane.replace(CONFIGMAPS, {**found, "data": {**data, scope.cluster: uid}})
    elif owner != uid:
        raise ClusterIdTakenError(
            f"the cluster id {scope.cluster!r} is another app cluster's in namespace {scope.namespace}",
            f"its kube-system has the uid {owner}",
            f"choose another id; if that cluster is gone, remove the entry from ConfigMap {APP_CLUSTERS} there",
        )
