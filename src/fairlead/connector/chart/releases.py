"""A release of the chart: what its objects are called and how they are labelled.

Cluster-scoped names hold namespace and release, parted by dots, of which neither has any: two releases never meet.
"""

import re
from dataclasses import dataclass
from typing import Any

import fairlead
from fairlead.connector.chart.values import ChartError

Object = dict[str, Any]

CHART = "fairlead-connector"
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True)
class Release:
    name: str
    """Also of the Service, the Deployment, the ServiceAccount and the Lease."""
    namespace: str

    def check(self) -> None:
        """Raises `ChartError`."""
        if not _NAME.fullmatch(self.name):
            raise ChartError(f"{self.name!r} names no release of this chart", NAME_RULE)

    @property
    def cluster_name(self) -> str:
        """Of what is in no namespace; of the ClusterRole that owns the APIServices, too."""
        return f"{CHART}.{self.namespace}.{self.name}"

    @property
    def token_secret(self) -> str:
        return f"{self.name}-space-token"

    @property
    def authorities(self) -> str:
        """The ConfigMap with the Space's CA bundle."""
        return f"{self.name}-space-ca"

    @property
    def serving_secret(self) -> str:
        """Made by the connector itself."""
        return f"{self.name}-tls"

    @property
    def selector(self) -> Object:
        return {"app.kubernetes.io/name": CHART, "app.kubernetes.io/instance": self.name}

    @property
    def labels(self) -> Object:
        return {
            "helm.sh/chart": f"{CHART}-{fairlead.__version__}",
            **self.selector,
            "app.kubernetes.io/version": fairlead.__version__,
            "app.kubernetes.io/managed-by": "Helm",
        }

    @property
    def ownership(self) -> Object:
        """The annotations by which Helm knows its own; it adds them itself on install."""
        return {"meta.helm.sh/release-name": self.name, "meta.helm.sh/release-namespace": self.namespace}

    def metadata(self, name: str = "", namespace: str | None = None) -> Object:
        return {"name": name or self.name, "namespace": namespace or self.namespace, "labels": self.labels}

    def cluster_metadata(self, suffix: str = "") -> Object:
        return {"name": f"{self.cluster_name}{suffix}", "labels": self.labels}


NAME_RULE = "it becomes the name of a Service: lower case letters, digits and -, first a letter"
