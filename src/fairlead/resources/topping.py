"""How much CPU and memory Pods and nodes use, from the metrics API.

Many clusters have no such API, or one that is registered and does not answer; both are told apart from a Pod that has
not been measured yet, because what to do about them differs.

Source: k8s.io/metrics `pkg/apis/metrics/v1beta1`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.machinery.quantities import Quantity
from fairlead.resources.gathering import both

_PODS = Resource("metrics.k8s.io", "v1beta1", "pods")
_NODES = Resource("metrics.k8s.io", "v1beta1", "nodes", namespaced=False)
_REAL_NODES = Resource("", "v1", "nodes", namespaced=False)


class NoMetricsError(FairleadError):
    """The cluster does not measure, or not now."""


@dataclass(frozen=True)
class Amount:
    cpu: Decimal
    """Cores."""
    memory: Decimal
    """Bytes."""

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.cpu + other.cpu, self.memory + other.memory)


NOTHING = Amount(Decimal(0), Decimal(0))


@dataclass(frozen=True)
class PodUse:
    namespace: str
    name: str
    containers: Mapping[str, Amount]

    @property
    def total(self) -> Amount:
        return sum(self.containers.values(), NOTHING)


@dataclass(frozen=True)
class NodeUse:
    name: str
    used: Amount
    room: Amount | None
    """What it can give to Pods; None where the nodes themselves may not be read."""


async def pods(client: Client, namespace: str = "", name: str = "", label_selector: str = "") -> list[PodUse]:
    """Raises `NoMetricsError`, and what `Client` raises."""
    return [
        PodUse(
            each["metadata"].get("namespace", ""),
            each["metadata"]["name"],
            {one["name"]: _amount(one.get("usage")) for one in each.get("containers") or ()},
        )
        for each in await _measured(client, _PODS, namespace, name, label_selector)
    ]


async def nodes(client: Client, name: str = "", label_selector: str = "") -> list[NodeUse]:
    """Raises `NoMetricsError`, and what `Client` raises."""
    measured, rooms = await both(
        _measured(client, _NODES, "", name, label_selector), _rooms(client, name, label_selector)
    )
    return [
        NodeUse(each["metadata"]["name"], _amount(each.get("usage")), rooms.get(each["metadata"]["name"]))
        for each in measured
    ]


async def _measured(
    client: Client, resource: Resource, namespace: str, name: str, label_selector: str
) -> list[dict[str, Any]]:
    path = resource.path(namespace or None, name or None)
    try:
        found = await client.read(path, {"labelSelector": label_selector} if label_selector else {})
    except statuses.NotFound as error:
        if name and name in error.message:
            raise
        raise NoMetricsError(
            "this cluster does not measure", "it serves no metrics.k8s.io", "install metrics-server"
        ) from error
    except statuses.ServiceUnavailable as error:
        remedy = "look at the APIService v1beta1.metrics.k8s.io and at the pods behind it"
        raise NoMetricsError("this cluster does not measure just now", str(error), remedy) from error
    return [found] if name else list(found.get("items") or ())


async def _rooms(client: Client, name: str, label_selector: str) -> dict[str, Amount]:
    """Empty where nodes may not be read: what is used is then shown without it."""
    query = {"labelSelector": label_selector, "fieldSelector": f"metadata.name={name}" if name else ""}
    try:
        found = await client.read(_REAL_NODES.path(), {key: value for key, value in query.items() if value})
    except statuses.StatusError:
        return {}
    items = found.get("items") or ()
    return {each["metadata"]["name"]: _amount((each.get("status") or {}).get("allocatable")) for each in items}


def _amount(usage: Mapping[str, str] | None) -> Amount:
    told = usage or {}
    return Amount(Quantity.parse(told.get("cpu") or "0").value, Quantity.parse(told.get("memory") or "0").value)


def cores(amount: Decimal) -> str:
    """In thousandths, rounded up, as kubectl shows it."""
    return f"{(amount * 1000).to_integral_value(ROUND_CEILING)}m"


def mebibytes(amount: Decimal) -> str:
    return f"{amount // 2**20}Mi"


def share(used: Decimal | int, room: Decimal | int) -> str:
    return f"{used * 100 // room}%" if room else ""
