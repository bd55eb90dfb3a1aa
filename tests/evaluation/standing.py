"""What stands on a real plane for right calls to name: one of everything, made and settled by real Crossplane.

Managed resources and their provider config have nobody to reconcile them, as on a plane whose provider is away.
"""

import json
from functools import partial
from typing import Any

from testenv.crossplane import FUNCTION
from testenv.registry import Registry, metadata
from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused
from tests.evaluation.calls import Standing

Object = dict[str, Any]
GROUP = "standing.example.org"
_XP, _PKG, _OPS = "apiextensions.crossplane.io", "pkg.crossplane.io", "ops.crossplane.io"


def settled(plane: Kubectl, registry: Registry) -> Standing:
    for each in (*_platform(), *_operations(), *_usages(), *_configs()):
        plane.apply(each)
    plane.run("delete", "configmap", "held", "-n", NAMESPACE, "--wait=false")
    plane.apply(_composition(2))  # which makes a second revision
    _managed(plane)
    newer, package, revision = _packages(plane, registry)
    for kind in ("databases", "caches"):
        _true(plane, kind, "one", "Ready", NAMESPACE)
    _true(plane, "operations.ops.crossplane.io", "one", "Succeeded")
    return Standing(
        managed=f"disks.{GROUP}",
        thing="one",
        managed_namespace=NAMESPACE,
        pending="pending",
        definition=f"disks.{GROUP}",
        inactive=f"idle.{GROUP}",
        config=f"providerconfigs.{GROUP}",
        provider="provider-standing",
        configuration="configuration-standing",
        function="function-standing",
        revision=revision,
        package=package,
        newer=newer,
    )


def _true(plane: Kubectl, kind: str, name: str, condition: str, namespace: str = "") -> None:
    where = ["-n", namespace] if namespace else []
    world.eventually(lambda: plane.run("wait", f"--for=condition={condition}", "--timeout=60s", *where, kind, name))


def _made(api_version: str, kind: str, name: str, *, namespace: str = "", **rest: Any) -> Object:
    within = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **within}, **rest}


def _pipeline(**wanted: Any) -> list[Object]:
    step: Object = {"step": "make", "functionRef": {"name": FUNCTION}}
    return [step | {"input": {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", **wanted}} if wanted else step]


def _composition(number: int) -> Object:
    kind = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "Cache"}
    spec = {"compositeTypeRef": kind, "mode": "Pipeline", "pipeline": _pipeline(number=number)}
    return _made(f"{_XP}/v1", "Composition", "one", spec=spec)


def _platform() -> list[Object]:
    cache = {"size": "small", "crossplane": {"compositionRef": {"name": "one"}}}
    return [
        _composition(1),
        manifests.xrd("Box", GROUP),
        manifests.claim("one", NAMESPACE),
        _made(f"{manifests.GROUP}/v1alpha1", "Cache", "one", namespace=NAMESPACE, spec=cache),
        _made(f"{_XP}/v1beta1", "EnvironmentConfig", "one", data={"region": "eu-west-1"}),
    ]


def _operations() -> list[Object]:
    config_map = _made("v1", "ConfigMap", "by-operation", namespace=NAMESPACE)
    spec = {"mode": "Pipeline", "pipeline": _pipeline(compose={"one": config_map})}
    once: Object = {"operationTemplate": {"spec": spec}}
    watch = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": NAMESPACE, "matchLabels": {"no": "one"}}
    return [
        _made(f"{_OPS}/v1alpha1", "Operation", "one", spec=spec),
        _made(f"{_OPS}/v1alpha1", "CronOperation", "one", spec={"schedule": "0 3 * * 1"} | once),
        _made(f"{_OPS}/v1alpha1", "WatchOperation", "one", spec={"watch": watch} | once),
    ]


def _usages() -> list[Object]:
    used = {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": {"name": "used"}}
    held = _made("v1", "ConfigMap", "held", namespace=NAMESPACE)
    held["metadata"]["finalizers"] = ["example.org/held"]
    return [
        held,
        *(_made("v1", "ConfigMap", name, namespace=NAMESPACE) for name in ("free", "used")),
        _made(
            "protection.crossplane.io/v1beta1",
            "Usage",
            "one",
            namespace=NAMESPACE,
            spec={"of": used, "reason": "it is ours"},
        ),
    ]


def _configs() -> list[Object]:
    template: Object = {"spec": {"selector": {}, "template": {}}}
    images = {"matchImages": [{"type": "Prefix", "prefix": "standing.example.org"}], "rewriteImage": {"prefix": "a.b"}}
    return [
        _made(f"{_PKG}/v1beta1", "DeploymentRuntimeConfig", "one", spec={"deploymentTemplate": template}),
        _made(f"{_PKG}/v1beta1", "ImageConfig", "one", spec=images),
        _made(f"{_XP}/v1alpha1", "ManagedResourceActivationPolicy", "one", spec={"activate": [f"*.{GROUP}"]}),
    ]


def _crd(kind: str, plural: str, *categories: str, scope: str = "Namespaced") -> Object:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": kind, "plural": plural, "categories": list(categories)}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {"group": GROUP, "names": names, "scope": scope, "versions": [version]}


def _managed(plane: Kubectl) -> None:
    definition = _crd("Disk", "disks", "managed") | {"state": "Active"}
    plane.apply(_made(f"{_XP}/v1alpha1", "ManagedResourceDefinition", f"disks.{GROUP}", spec=definition))
    for kind in ("ProviderConfig", "ProviderConfigUsage"):
        plural = f"{kind.lower()}s"
        crd = _crd(kind, plural, scope="Cluster")
        plane.apply(_made("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.{GROUP}", spec=crd))
    one = _made(f"{GROUP}/v1", "Disk", "one", namespace=NAMESPACE, spec={"forProvider": {"size": 1}})
    pending = _made(f"{GROUP}/v1", "Disk", "pending", namespace=NAMESPACE, spec={"forProvider": {"size": 1}})
    pending["metadata"]["annotations"] = {"crossplane.io/external-create-pending": "2026-01-01T00:00:00Z"}
    configured = _made(f"{GROUP}/v1", "ProviderConfig", "one", spec={"credentials": {"source": "None"}})
    for each in (one, pending, configured):
        world.eventually(partial(plane.apply, each))
    idle = _crd("Idle", "idle", "managed") | {"state": "Inactive"}
    stopped = _made(f"{_XP}/v1alpha1", "ManagedResourceDefinition", f"idle.{GROUP}", spec=idle)
    plane.apply(stopped)


def _packages(plane: Kubectl, registry: Registry) -> tuple[str, str, str]:
    """The next version of the configuration, one that is not installed, and a revision that waits."""
    for kind in ("Provider", "Function"):
        name = f"{kind.lower()}-standing"
        _install(plane, kind, name, registry.put(f"standing/{name}", "v1.0.0", [metadata(kind, name)]))
    name = "configuration-standing"
    xrds = [manifests.xrd(kind, f"packages.{GROUP}") for kind in ("Queue", "Topic", "Stream")]
    versions = [
        registry.put(f"standing/{name}", f"v1.{number}.0", [metadata("Configuration", name), *xrds[: number + 1]])
        for number in range(3)
    ]
    for each in versions[:2]:
        _install(plane, "Configuration", name, each, revisionHistoryLimit=5)
        world.eventually(partial(_is_current, plane, name, each))
    waiting = registry.put("standing/waiting", "v1.0.0", [metadata("Configuration", "waiting")])
    _install(plane, "Configuration", "waiting-standing", waiting, revisionActivationPolicy="Manual")
    revision = str(world.eventually(partial(_current, plane, "waiting-standing")))
    return versions[2], registry.put("standing/new", "v1.0.0", [metadata("Configuration", "new")]), revision


def _install(plane: Kubectl, kind: str, name: str, package: str, **spec: Any) -> None:
    plane.apply(_made(f"{_PKG}/v1", kind, name, spec={"package": package, **spec}))


def _status(plane: Kubectl, name: str) -> Object:
    found: Object = json.loads(plane.run("get", "configurations.pkg.crossplane.io", name, "-o", "json"))
    return found.get("status") or {}


def _is_current(plane: Kubectl, name: str, package: str) -> None:
    status = _status(plane, name)
    healthy = any(each["type"] == "Healthy" and each["status"] == "True" for each in status.get("conditions") or ())
    if status.get("currentIdentifier") != package or not healthy:
        raise Refused(f"{package} is not there yet")


def _current(plane: Kubectl, name: str) -> str:
    if not (found := _status(plane, name).get("currentRevision")):
        raise Refused("it has no revision yet")
    return str(found)
