"""The connector's settings as one value; only the command line reads flags and files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.connector.choosing import EVERYTHING, Choice
from fairlead.machinery import names
from fairlead.machinery.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.connector.spaces import Space

_LONGEST_DELAY = 600


class SettingsError(FairleadError):
    """A setting cannot be used."""


@dataclass(frozen=True)
class ServiceName:
    """The Service through which the app cluster's API server reaches the connector; never created here."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "ServiceName":
        """Reads `namespace/name`. Raises `SettingsError`."""
        namespace, slash, name = text.partition("/")
        if not slash or names.label(namespace) or names.label(name):
            raise SettingsError(f"{text!r} is no Service", "it is written as NAMESPACE/NAME, both DNS labels")
        return cls(namespace, name)

    @property
    def secret(self) -> str:
        """Of its namespace: the serving certificate that all replicas share."""
        return f"{self.name}-tls"

    @property
    def dns(self) -> str:
        """What the serving certificate must be for."""
        return f"{self.name}.{self.namespace}.svc"


@dataclass(frozen=True)
class SecretName:
    """A Secret of the app cluster."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "SecretName":
        """Reads `namespace/name`. Raises `SettingsError`."""
        namespace, slash, name = text.partition("/")
        if not slash or names.label(namespace) or names.subdomain(name):
            raise SettingsError(f"{text!r} is no Secret", "it is written as NAMESPACE/NAME")
        return cls(namespace, name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Settings:
    kubeconfig: Path | None
    """Of the app cluster; None as for every Kubernetes client."""
    control_plane_kubeconfig: Path | None
    """A file, or the folder of a mounted Secret; None where the control plane is in a Space."""
    claim_namespace: str
    service: ServiceName
    cluster_id: str = ""
    """Empty: the uid of the app cluster's `kube-system` namespace."""
    allowed_crds: frozenset[str] = frozenset()
    """Names of CRDs (`plural.group`) of the control plane to offer beside claims."""
    service_port: int = 443
    bind: str = "0.0.0.0"  # noqa: S104 - in a pod, its own address
    port: int = 8443
    audit_log: str = ""
    """A file to append to; `-` is standard output; empty for none."""
    shutdown_delay: float = 0.0
    """Seconds for which an ending replica is unready and still answers."""
    sync_secrets: bool = False
    """Whether connection secrets are copied to the app cluster, which takes rights on Secrets of both."""
    mirror_events: bool = False
    """Whether events about claims are copied to the app cluster."""
    quota: bool = True
    """Whether the app cluster's resource quotas count claims."""
    reap: bool = False
    """Whether claims that were left behind by their namespace are deleted, and not only reported."""
    choice: Choice = EVERYTHING
    """Which APIs to offer of those that there are."""
    space: "Space | None" = None
    renew_token_secret: SecretName | None = None
    """The Secret with the kubeconfig of the control plane, whose token is then renewed."""
    owner_cluster_role: str = ""
    """A ClusterRole that is to own the APIServices, so that they are collected when it goes."""

    webhooks: bool = True
    """Whether the app cluster's admission webhooks are asked."""
    impersonate: bool = False
    """Whether the control plane is told who asks, under a name that begins with the cluster id."""

    def check(self) -> None:
        """Raises `SettingsError`."""
        if (self.control_plane_kubeconfig is None) == (self.space is None):
            raise SettingsError(
                "one control plane must be given",
                "neither a kubeconfig nor a Space is" if self.space is None else "both a kubeconfig and a Space are",
                "use --control-plane-kubeconfig, or --space-host and its companions",
            )
        if self.space is not None:
            self.space.check()
        if names.label(self.claim_namespace):
            raise SettingsError(f"{self.claim_namespace!r} is no namespace", "it must be a DNS label")
        if names.label_value(self.cluster_id):
            raise SettingsError(
                f"{self.cluster_id!r} is no cluster id", "it must be a label value of at most 63 characters"
            )
        for name in sorted(self.allowed_crds):
            if "." not in name or names.subdomain(name):
                raise SettingsError(f"{name!r} is no CRD", "a CRD is named PLURAL.GROUP")
        if not 0 <= self.shutdown_delay <= _LONGEST_DELAY:
            raise SettingsError(
                f"{self.shutdown_delay:g} is no shutdown delay", f"it is between 0 and {_LONGEST_DELAY} seconds"
            )
        if not 1 <= self.service_port <= 65535:
            raise SettingsError(f"{self.service_port} is no Service port", "a port is between 1 and 65535")
