"""Packages of the playground, as pure functions: the revision that one gets, what it brings, what is said of both.

Of a reference that is not in the playground's registry (`repository`) is said what Crossplane says of a 404. A provider
has no Pod here, so whether it runs is read from its runtime config: there is no node that one could be bound to.

Source: crossplane v2.3.4 `internal/controller/pkg/{manager,revision,runtime}`; reference/crossplane.md §1.5.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.embedded.simulator.composing import SIMULATED, owner
from fairlead.machinery.conditions import condition

Object = dict[str, Any]

WITH_RUNTIME = frozenset({"Provider", "Function"})
_UNCONVERTED = ("ProviderConfig", "ClusterProviderConfig", "ProviderConfigUsage")


def unresolved(reference: str) -> str:
    """What Crossplane says of a registry that does not have it."""
    registry, _, rest = reference.partition("/")
    name, _, tag = rest.rpartition(":")
    url = f"https://{registry}/v2/{name}/manifests/{tag}"
    head = f"HEAD {url}: unexpected status code 404 Not Found (HEAD responses have no body, use GET for details)"
    tried = "failed to fetch package descriptor with a GET request after a previous HEAD request failure"
    return f"cannot unpack package: cannot resolve {reference} to digest: {tried}: {head}: GET {url}: MANIFEST_UNKNOWN"


def revision(package: Mapping[str, Any], number: int) -> Object:
    name, spec = package["metadata"]["name"], package["spec"]
    digest = hashlib.sha256(spec["package"].encode()).hexdigest()
    kept = {key: spec[key] for key in ("packagePullPolicy", "runtimeConfigRef") if key in spec}
    return {
        "apiVersion": package["apiVersion"],
        "kind": f"{package['kind']}Revision",
        "metadata": {
            "name": f"{name[:50]}-{digest[:12]}",
            "labels": {"pkg.crossplane.io/package": name},
            "annotations": dict(SIMULATED),
            "ownerReferences": [owner(package)],
        },
        "spec": {**kept, "desiredState": "Active", "image": spec["package"], "revision": number},
    }


def installed(revised: Mapping[str, Any], package: Mapping[str, Any], content: Sequence[Object]) -> list[Object]:
    """What the revision brings, owned by it; a CRD of managed resources comes with the definition that it is made of.

    The definition comes first: its uid has to be known to the CRD that it owns too.
    """
    owners = [owner(revised), {**owner(package), "controller": False}]
    found = []
    for each in content[1:]:
        managed = each["kind"] == "CustomResourceDefinition" and each["spec"]["names"]["kind"] not in _UNCONVERTED
        if managed:
            found.append(_brought(_definition(each), owners))
        found.append(_brought(each, owners))
    return found


def _brought(obj: Object, owners: Sequence[Object]) -> Object:
    metadata = {**obj["metadata"], "annotations": dict(SIMULATED), "ownerReferences": list(owners)}
    return {**obj, "metadata": metadata}


def _definition(crd: Object) -> Object:
    return {
        "apiVersion": "apiextensions.crossplane.io/v1alpha1",
        "kind": "ManagedResourceDefinition",
        "metadata": {"name": crd["metadata"]["name"]},
        "spec": {**crd["spec"], "state": "Active"},
    }


def may_run(config: Mapping[str, Any] | None) -> bool:
    """Whether a runtime config lets a Pod come up in a cluster of no special nodes."""
    spec = (((config or {}).get("spec") or {}).get("deploymentTemplate") or {}).get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    return not pod.get("nodeSelector") and not pod.get("nodeName")


# -- What is said ------------------------------------------------------------------------------------------------------


def failed(message: str, time: str) -> list[Object]:
    return [
        condition("Installed", "False", "UnpackingPackage", time, message),
        condition("Healthy", "False", "UnhealthyPackageRevision", time, message),
    ]


def of_revision(kind: str, runs: bool, time: str) -> list[Object]:
    found = [condition("RevisionHealthy", "True", "HealthyPackageRevision", time)]
    if kind in WITH_RUNTIME and runs:
        found.append(condition("RuntimeHealthy", "True", "HealthyPackageRevision", time))
    elif kind in WITH_RUNTIME:
        found.append(condition("RuntimeHealthy", "False", "UnhealthyPackageRevision", time, not_running(kind)))
    return found


def not_running(kind: str) -> str:
    said = "Deployment does not have minimum availability."
    what = f"{kind.lower()} package deployment is unavailable with message: {said}"
    return f"post establish runtime hook failed for package: {what}"


def of_package(kind: str, runs: bool, time: str) -> list[Object]:
    active = condition("Installed", "True", "ActivePackageRevision", time)
    if runs or kind not in WITH_RUNTIME:
        return [active, condition("Healthy", "True", "HealthyPackageRevision", time)]
    why = f'Package runtime health is "False" with message: {not_running(kind)}'
    return [active, condition("Healthy", "False", "UnhealthyPackageRevision", time, why)]
