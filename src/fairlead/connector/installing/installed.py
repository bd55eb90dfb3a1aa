"""A connector that is there already: what its Deployment says of it, and the way to its control plane that it takes.

Nothing is kept of an installation but what the clusters hold. Of a connector that runs outside the app cluster only its
APIServices are known; whoever asks then has to say the rest.
"""

import base64
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.aggregation.registering import APISERVICES
from fairlead.client.api import Client
from fairlead.client.connection import Connection
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.connector import publishing, targeting
from fairlead.connector import spaces as reading_spaces
from fairlead.connector.preparing import CONFIGMAPS
from fairlead.connector.settings import ServiceName, Settings, SettingsError
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

DEPLOYMENTS = Resource("apps", "v1", "deployments")
SECRETS = Resource("", "v1", "secrets")
NAME = {"app.kubernetes.io/name": "fairlead-connector"}
RELEASE = "meta.helm.sh/release-name"


class NotInstalledError(FairleadError):
    """No connector of that name is in the app cluster."""


@dataclass(frozen=True)
class Installed:
    service: ServiceName
    deployment: Object | None = None

    @property
    def release(self) -> str:
        """Empty where it was not installed as a release."""
        annotations = ((self.deployment or {}).get("metadata") or {}).get("annotations") or {}
        return str(annotations.get(RELEASE) or "")

    @property
    def arguments(self) -> list[str]:
        containers = self.deployment["spec"]["template"]["spec"]["containers"] if self.deployment else ()
        return next((each["args"] for each in containers if "--service" in " ".join(each.get("args") or ())), [])

    def argument(self, flag: str) -> str:
        return next(iter(self.all(flag)), "")

    def all(self, flag: str) -> list[str]:
        """`--flag value` and `--flag=value` alike."""
        found, arguments = [], self.arguments
        for index, each in enumerate(arguments):
            name, equals, value = each.partition("=")
            if name == flag:
                found.append(value if equals else next(iter(arguments[index + 1 : index + 2]), ""))
        return found

    @property
    def image(self) -> str:
        containers = self.deployment["spec"]["template"]["spec"]["containers"] if self.deployment else ()
        return next((str(each.get("image") or "") for each in containers), "")

    @property
    def ready(self) -> int:
        return int(((self.deployment or {}).get("status") or {}).get("readyReplicas") or 0)

    @property
    def mounts(self) -> "list[Mount]":
        if self.deployment is None:
            return []
        pod = self.deployment["spec"]["template"]["spec"]
        volumes = {each["name"]: each for each in pod.get("volumes") or ()}
        found = [
            Mount.read(mount["mountPath"], volumes[mount["name"]])
            for container in pod["containers"]
            for mount in container.get("volumeMounts") or ()
        ]
        return [each for each in found if each is not None]


@dataclass(frozen=True)
class Mount:
    """A Secret or ConfigMap in the connector's file system."""

    path: str
    resource: Resource
    name: str
    files: tuple[tuple[str, str], ...] = ()
    """Keys and their file names; empty for all under their own."""

    @classmethod
    def read(cls, path: str, volume: Object) -> "Mount | None":
        for kind, resource, name in (("secret", SECRETS, "secretName"), ("configMap", CONFIGMAPS, "name")):
            if kind in volume:
                items = volume[kind].get("items") or ()
                return cls(path, resource, volume[kind][name], tuple((each["key"], each["path"]) for each in items))
        return None

    def content(self, found: Mapping[str, Any]) -> dict[str, bytes]:
        data = found.get("data") or {}
        wanted = self.files or [(key, key) for key in data]
        text = self.resource == CONFIGMAPS
        return {
            path: data[key].encode() if text else base64.b64decode(data[key]) for key, path in wanted if key in data
        }


async def find(app: Client) -> list[Installed]:
    """All in the app cluster, by Service. Raises what the client raises."""
    selector = ",".join(f"{key}={value}" for key, value in NAME.items())
    found = {}
    for each in await _deployments(app, selector):
        made = _of_deployment(each)
        if made is not None:
            found[made.service] = made
    for each in (await app.list(APISERVICES, label_selector=publishing.CONNECTOR)).items:
        name, _, namespace = each["metadata"]["labels"][publishing.CONNECTOR].partition(".")
        found.setdefault(ServiceName(namespace, name), Installed(ServiceName(namespace, name)))
    return [found[key] for key in sorted(found, key=lambda one: (one.namespace, one.name))]


async def _deployments(app: Client, selector: str) -> list[Object]:
    """None in a cluster that runs no Pods."""
    try:
        return (await app.list(DEPLOYMENTS, label_selector=selector)).items
    except statuses.NotFound:
        return []


def _of_deployment(deployment: Object) -> Installed | None:
    draft = Installed(ServiceName(deployment["metadata"]["namespace"], deployment["metadata"]["name"]), deployment)
    try:
        return Installed(ServiceName.parse(draft.argument("--service")), deployment)
    except SettingsError:
        return None


def only(found: Iterable[Installed], service: ServiceName | None = None) -> Installed:
    """Raises `NotInstalledError`."""
    matching = [each for each in found if service is None or each.service == service]
    if len(matching) == 1:
        return matching[0]
    names = ", ".join(f"{each.service.namespace}/{each.service.name}" for each in matching)
    if not matching:
        what = f"no connector with Service {service.namespace}/{service.name}" if service else "no connector"
        raise NotInstalledError(f"{what} is in the app cluster", "", "install one with `fairlead connector install`")
    raise NotInstalledError("more than one connector is in the app cluster", names, "name one with --service")


@asynccontextmanager
async def way_to_control_plane(app: Client, installed: Installed) -> AsyncIterator[Client | None]:
    """With the connector's own credentials, as it finds them in its Pod; None where no arguments say how.

    Raises `FairleadError`.
    """
    if not installed.arguments:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:  # readable by its owner alone
        await _mount(app, installed, Path(folder))
        async with Client(Connection(_target(installed, Path(folder)))) as client:
            yield client


async def _mount(app: Client, installed: Installed, folder: Path) -> None:
    for mount in installed.mounts:
        found = await app.get(mount.resource, mount.name, installed.service.namespace)
        there = folder / mount.path.strip("/")
        there.mkdir(parents=True)
        for name, content in mount.content(found).items():
            (there / name).write_bytes(content)


def _target(installed: Installed, folder: Path) -> ConnectionSettings:
    def path(flag: str) -> Path | None:
        value = installed.argument(flag)
        return folder / value.strip("/") if value else None

    space = reading_spaces.described(
        installed.argument("--space-host"),
        installed.argument("--space-account"),
        path("--space-token-file"),
        installed.argument("--control-plane-name"),
        installed.argument("--control-plane-group"),
        installed.argument("--space-domain") or reading_spaces.DOMAIN,
        path("--space-ca-file"),
        insecure="--space-insecure-skip-tls-verify" in installed.arguments,
    )
    settings = Settings(
        kubeconfig=None,
        control_plane_kubeconfig=path("--control-plane-kubeconfig"),
        claim_namespace=installed.argument("--claim-namespace"),
        service=installed.service,
        space=space,
    )
    settings.check()
    return targeting.control_plane(settings)
