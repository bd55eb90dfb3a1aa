"""`status`: what is installed and how it fares, as values that print as a table or as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from fairlead.aggregation import registering
from fairlead.aggregation.leasing import LEASES
from fairlead.aggregation.registering import APISERVICES
from fairlead.client import discovery
from fairlead.client.api import Client
from fairlead.connector import publishing
from fairlead.connector.installing.installed import Installed
from fairlead.machinery import statuses

Object = dict[str, Any]


@dataclass(frozen=True)
class ApiService:
    name: str
    available: bool
    message: str


@dataclass(frozen=True)
class Status:
    release: str
    namespace: str
    service: str
    image: str
    replicas: int
    ready: int
    leader: str
    control_plane: str
    claim_namespace: str
    api_services: tuple[ApiService, ...]
    resources: int
    """How many kinds are served through it."""

    def to_object(self) -> Object:
        return asdict(self)

    @property
    def row(self) -> list[str]:
        available = sum(each.available for each in self.api_services)
        return [
            self.namespace,
            self.release or self.service,
            self.image or "<outside>",
            f"{self.ready}/{self.replicas}" if self.replicas else "-",
            self.leader or "-",
            self.control_plane or "-",
            self.claim_namespace or "-",
            f"{available}/{len(self.api_services)}",
            str(self.resources),
        ]


HEADER = [
    *("NAMESPACE", "NAME", "IMAGE", "READY", "LEADER", "CONTROL-PLANE", "CLAIM-NAMESPACE", "AVAILABLE", "RESOURCES")
]


async def status(app: Client, installed: Installed) -> Status:
    """Raises what the client raises."""
    service = installed.service
    selector = f"{publishing.CONNECTOR}={service.name}.{service.namespace}"
    found = (await app.list(APISERVICES, label_selector=selector)).items
    services = tuple(ApiService(each["metadata"]["name"], *registering.available(each)) for each in found)
    names = {each.name for each in services}
    served = [
        resource
        for group in await discovery.discover(app)
        for version in group.versions
        if f"{version.version}.{group.name}" in names
        for resource in version.resources
    ]
    return Status(
        release=installed.release,
        namespace=service.namespace,
        service=service.name,
        image=installed.image,
        replicas=(installed.deployment or {"spec": {"replicas": 0}})["spec"].get("replicas", 1),
        ready=installed.ready,
        leader=await _leader(app, installed),
        control_plane=control_plane(installed),
        claim_namespace=installed.argument("--claim-namespace"),
        api_services=services,
        resources=len(served),
    )


def control_plane(installed: Installed) -> str:
    """In words that tell where to look; addresses and credentials stay in their Secret."""
    if host := installed.argument("--space-host"):
        return f"{host}/{installed.argument('--control-plane-group')}/{installed.argument('--control-plane-name')}"
    path = installed.argument("--control-plane-kubeconfig")
    for mount in installed.mounts:
        if path == mount.path or path.startswith(f"{mount.path}/"):
            return f"secret/{mount.name}"
    return ""


async def _leader(app: Client, installed: Installed) -> str:
    """A Pod's name: who holds the Lease begins with it."""
    try:
        lease = await app.get(LEASES, installed.service.name, installed.service.namespace)
    except (statuses.NotFound, statuses.Forbidden):
        return ""
    return str((lease.get("spec") or {}).get("holderIdentity") or "").partition("_")[0]
