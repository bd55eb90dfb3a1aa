"""What an installation is to make in both clusters. Pure.

Source: issue Connector, 5.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.connector import kubeconfigsecrets
from fairlead.connector.chart import rendering
from fairlead.connector.chart.releases import Release
from fairlead.connector.chart.values import complete
from fairlead.connector.installing import rights
from fairlead.connector.installing.rights import Grant
from fairlead.connector.installing.values import ValuesError, at, with_value
from fairlead.connector.installing.ways import Kind, kind_of
from fairlead.machinery import names

Object = dict[str, Any]
_HELD = "spaces.controlPlane.kubeconfigSecret"
PART = {"app.kubernetes.io/name": "fairlead-connector", "app.kubernetes.io/managed-by": "fairlead-connector"}


@dataclass(frozen=True)
class Order:
    """What a person asked for."""

    control_plane: str
    """A context, or the control plane of the Space that the values describe."""
    claim_namespace: str
    values: Object = field(repr=False)
    release: Release
    own_credentials: bool = False
    server: str = ""
    """The control plane's address as Pods know it; empty for that of the context."""

    @property
    def secret(self) -> str:
        """With the kubeconfig that installing makes."""
        return f"{self.release.name}-control-plane"

    @property
    def effective(self) -> Object:
        """The values of the release, as `helm upgrade` would have to be given them. Raises `ValuesError`."""
        if names.label(self.claim_namespace):
            raise ValuesError(f"{self.claim_namespace!r} is no namespace", "it must be a DNS label")
        found = self._agreed(self.values, "spaces.controlPlane.claimNamespace", self.claim_namespace)
        kind = kind_of(found)
        if self.own_credentials and kind is not Kind.CONTEXT:
            raise ValuesError(f"the values name a {kind.value}", "--use-context-credentials is for a context")
        if kind is Kind.SPACE:
            return self._agreed(found, "spaces.controlPlane.name", self.control_plane)
        if kind is Kind.SECRET:
            return found
        # What else a values file says of a Space without a host would only be refused.
        held = with_value(found, f"{_HELD}.name", self.secret)
        held = with_value(held, f"{_HELD}.key", kubeconfigsecrets.KEY)
        return held if self.own_credentials else with_value(held, "renewToken", True)

    @staticmethod
    def _agreed(values: Object, path: str, wanted: str) -> Object:
        there = at(values, path)
        if there and there != wanted:
            raise ValuesError(f"the values say {path}={there}", f"the command line says {wanted}", "make them agree")
        return with_value(values, path, wanted)

    def objects(self) -> list[Object]:
        """Of the release, as Helm would leave them. Raises `ChartError` and `ValuesError`."""
        return rendering.owned(rendering.render(self.effective, self.release), self.release)

    def grant(self, cluster: str, kinds: frozenset[rights.Kind]) -> Grant:
        """`cluster`: the app cluster's id."""
        found = complete(self.effective)
        return Grant(
            self.claim_namespace,
            cluster,
            kinds,
            secrets=found["syncSecrets"],
            events=found["mirrorEvents"],
            impersonate=bool(found.get("impersonate")),
        )

    def held(self, kubeconfig: Mapping[str, Any]) -> Object:
        """The Secret with it. It is not the release's: Helm leaves it where it is."""
        text = kubeconfigsecrets.to_text(kubeconfig)
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.secret,
                "namespace": self.release.namespace,
                "labels": {**PART, "app.kubernetes.io/instance": self.release.name},
            },
            "type": "Opaque",
            "data": {kubeconfigsecrets.KEY: base64.b64encode(text).decode()},
        }


def without_secrets(objects: list[Object]) -> list[Object]:
    """For a screen: keys stay, what they hold does not."""
    return [
        {**each, "data": dict.fromkeys(each.get("data") or {}, "***")} if each["kind"] == "Secret" else each
        for each in objects
    ]


def shown(values: Object) -> Object:
    """Without the token of a Space, for which Helm is given the same file as `install`."""
    account = {key: value for key, value in (values.get("upbound") or {}).items() if key != "token"}
    return {**values, "upbound": account} if account else {k: v for k, v in values.items() if k != "upbound"}
