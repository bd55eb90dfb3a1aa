"""Several connectors in one app cluster, each for a control plane of its own, and a group that two of them offer.

Versions of one group are views of the same objects: clients convert between them, the garbage collector and namespace
deletion use whichever is preferred. Two control planes behind one group would show each half of the world. So a group
is one connector's, whatever its versions: whoever has its oldest APIService. The other publishes nothing of it, says
so, and takes over when the last of those is gone. What both registered in the same moment is settled by the same rule.

A CRD or another extension server has only the very group and version that it serves, see `aggregation.registering`.

Source: issue Connector, 4.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.aggregation.registering import AUTOMANAGED, Conflict

Object = dict[str, Any]

CONNECTOR = "fairlead.dev/connector"
"""The label by which the APIServices of one connector are found again: `<Service>.<namespace>`."""


def holders(api_services: Iterable[Object]) -> dict[str, str]:
    """Of each group that a connector has: which."""
    found: dict[str, tuple[str, str]] = {}
    for each in api_services:
        connector = _connector(each)
        if connector:
            group = each["spec"].get("group") or ""
            claim = (str(each["metadata"].get("creationTimestamp") or ""), connector)
            found[group] = min(claim, found.get(group, claim))
    return {group: connector for group, (_, connector) in found.items()}


def rivals(api_services: Iterable[Object], me: str) -> dict[str, str]:
    """Groups that are another connector's, and which."""
    return {group: connector for group, connector in holders(api_services).items() if connector != me}


def conflicts(groups: Iterable[str], held: Mapping[str, str]) -> list[Conflict]:
    return [Conflict(f"the API group {group}", _owner(group, held[group])) for group in groups if group in held]


def _owner(group: str, connector: str) -> str:
    name, _, namespace = connector.rpartition(".")
    return (
        f"the connector of another control plane, Service {namespace}/{name}, which has all its versions; "
        f"deny it to one of the two: --deny-api '*.{group}'"
    )


def _connector(api_service: Object) -> str:
    labels = api_service["metadata"].get("labels") or {}
    return "" if AUTOMANAGED in labels else str(labels.get(CONNECTOR) or "")
