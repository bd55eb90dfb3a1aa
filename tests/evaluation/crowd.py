"""A control plane with more than 5,000 objects of 350 kinds, on a real API server, with the messages that clouds give.

What a tool says of ten objects is no measure: replies grow with the plane. Nothing reconciles here, so that the plane
stands still while it is asked, and the objects are written with their status at once, for which the CRDs are applied
without their status subresource. Everything else of them is Crossplane's own, its validation too.

Source: issue Crossplane toolset, Must hold (worst reply; 300 kinds); reference/crossplane.md §7, 8 (hundreds of CRDs).
"""

from collections.abc import Iterator
from typing import Any

from tests.crossplane.planes import NAMESPACE
from tests.e2e import manifests
from tests.evaluation.calls import Standing

Object = dict[str, Any]
KINDS = 300
"""Of managed resources alone."""
GROUPS = 12
MANAGED = "cloud.example.org"
_APIEXTENSIONS, _PKG, _OPS = "apiextensions.crossplane.io", "pkg.crossplane.io", "ops.crossplane.io"
_PROTECTION = "protection.crossplane.io/v1beta1"
_TIME = "2026-11-01T10:00:00Z"
_REGISTRY = "registry.example.org"


STANDING = Standing(
    managed=f"things0.area0.{MANAGED}",
    thing="thing-0-1",
    managed_namespace="",
    pending="thing-0-2",
    definition=f"things0.area0.{MANAGED}",
    inactive=f"things0.area0.{MANAGED}",
    config=f"providerconfigs.{MANAGED}",
    provider="provider-0",
    configuration="configuration-0",
    function="function-0",
    revision="configuration-0-2",
    package="registry.example.org/acme/new:v1.0.0",
    newer="registry.example.org/acme/configuration-0:v9.9.9",
)


def long(number: int) -> str:
    """What a provider says when a cloud refuses; no two are the same."""
    request = f"{number:08x}-0d1c-4c5e-9f00-{number:012x}"
    one = (
        f"create failed: async create failed: failed to create the resource: [{{0 creating RDS Instance (db-{number}): "
        f"operation error RDS: CreateDBInstance, https response error StatusCode: 400, RequestID: {request}, "
        "DBSubnetGroupDoesNotCoverEnoughAZs: The DB subnet group does not meet Availability Zone coverage requirement."
        " Current AZ coverage: eu-west-1a. Add subnets to cover at least 2 AZs.  []}]; "
    )
    return one * 3


def conditions(*kinds: str, number: int, failing: int = 3) -> Object:
    """Every so many fail, and say so at length."""
    bad = number % failing == 0
    reason, message = ("ReconcileError", long(number)) if bad else ("Available", "")
    status = "False" if bad else "True"
    shape = {"status": status, "reason": reason, "message": message, "lastTransitionTime": _TIME}
    return {"conditions": [{"type": each, **shape} for each in kinds]}


def made(api_version: str, kind: str, name: str, **rest: Any) -> Object:
    metadata = {"name": name, **rest.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def managed_group(number: int) -> str:
    return f"area{number % GROUPS}.{MANAGED}"


def managed_crd(number: int, *, namespaced: bool = False) -> Object:
    group, plural = managed_group(number), f"things{number}"
    names = {"kind": f"Thing{number}", "plural": plural, "categories": ["crossplane", "managed"]}
    return plain_crd(group, names, namespaced)


def plain_crd(group: str, names: Object, namespaced: bool = False) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    columns = [
        {"name": each, "type": "string", "jsonPath": f".status.conditions[?(@.type=='{each.title()}')].status"}
        for each in ("SYNCED", "READY")
    ]
    columns.append(
        {"name": "EXTERNAL-NAME", "type": "string", "jsonPath": r".metadata.annotations.crossplane\.io/external-name"}
    )
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": group,
        "names": names,
        "scope": "Namespaced" if namespaced else "Cluster",
        "versions": [version | {"additionalPrinterColumns": columns}],
    }
    return made("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{names['plural']}.{group}", spec=spec)


def thing(kind: int, number: int) -> Object:
    owner = {"crossplane.io/composite": f"one-{number % 600}", "crossplane.io/claim-name": f"one-{number % 600}"}
    return made(
        f"{managed_group(kind)}/v1",
        f"Thing{kind}",
        f"thing-{kind}-{number}",
        metadata={"labels": owner, "annotations": {"crossplane.io/external-name": f"ext-{kind}-{number}"}},
        spec={"forProvider": {"region": "eu-west-1", "size": number}, "providerConfigRef": {"name": "one"}},
        status={"atProvider": {"arn": f"arn:{number}"}, **conditions("Synced", "Ready", number=number)},
    )


def _things() -> Iterator[Object]:
    yield from (thing(0, number) for number in range(1, 1001))
    yield from (thing(kind, number) for kind in range(1, KINDS) for number in range(1, 6))


def _orders() -> Iterator[Object]:
    version = f"{manifests.GROUP}/v1alpha1"
    for number in range(600):
        name = f"one-{number}" if number else "one"
        parts = [
            {"apiVersion": f"{managed_group(0)}/v1", "kind": "Thing0", "name": f"thing-0-{number + each}"}
            for each in range(1, 41 if number == 0 else 3)
        ]
        status = conditions("Synced", "Ready", number=number, failing=4)
        composite = {"apiVersion": version, "kind": "XDatabase", "name": f"{name}-x"}
        claim = {"apiVersion": version, "kind": "Database", "name": name, "namespace": NAMESPACE}
        own = {"compositionRef": {"name": "one"}, "size": "small"}
        yield made(
            version, "XDatabase", f"{name}-x", spec={**own, "claimRef": claim, "resourceRefs": parts}, status=status
        )
        within = {"namespace": NAMESPACE}
        yield made(version, "Database", name, metadata=within, spec={**own, "resourceRef": composite}, status=status)
    for number in range(200):
        name = f"one-{number}" if number else "one"
        crossplane = {"crossplane": {"compositionRef": {"name": "caches"}}}
        status = conditions("Synced", "Ready", number=number, failing=4)
        within = {"namespace": NAMESPACE}
        yield made(version, "Cache", name, metadata=within, spec={"size": "small", **crossplane}, status=status)


def _pipeline(steps: int) -> list[Object]:
    template = "\n".join(f"line {number} of a template that somebody has written by hand" for number in range(40))
    data = {
        "apiVersion": "gotemplating.fn.crossplane.io/v1beta1",
        "kind": "GoTemplate",
        "inline": {"template": template},
    }
    return [
        {"step": f"step-{number}", "functionRef": {"name": f"function-{number % 30}"}, "input": data}
        for number in range(steps)
    ]


def _definitions() -> Iterator[Object]:
    for number in range(40):
        xrd = manifests.xrd() if number == 0 else manifests.xrd(f"Kind{number}", f"g{number}.example.org")
        if number == 1:
            wide = {f"field{each}": {"type": "string", "description": "What it is for, " * 8} for each in range(400)}
            xrd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"] |= wide
        yield xrd | {"status": conditions("Established", "Offered", number=number, failing=5)}
    kinds = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "XDatabase"}
    for number in range(60):
        name = f"one-{number}" if number else "one"
        spec = {"compositeTypeRef": kinds, "mode": "Pipeline", "pipeline": _pipeline(30 if number == 0 else 3)}
        yield made(f"{_APIEXTENSIONS}/v1", "Composition", name, spec=spec)
        for revision in range(1, 6):
            labels = {
                "crossplane.io/composition-name": name,
                "crossplane.io/composition-hash": f"{number:04x}{revision}",
            }
            numbered = spec | {"pipeline": _pipeline(3 + revision), "revision": revision}
            status = conditions("ValidPipeline", number=number * 7 + revision, failing=4)
            yield made(
                f"{_APIEXTENSIONS}/v1",
                "CompositionRevision",
                f"{name}-{revision}",
                metadata={"labels": labels},
                spec=numbered,
                status=status,
            )
    for number in range(100):
        data = {f"key{each}": f"value {each}" for each in range(2000 if number == 0 else 5)}
        yield made(f"{_APIEXTENSIONS}/v1beta1", "EnvironmentConfig", f"one-{number}" if number else "one", data=data)


def _packages() -> Iterator[Object]:
    for kind, count in (("Provider", 40), ("Configuration", 30), ("Function", 30)):
        for number in range(count):
            name = f"{kind.lower()}-{number}"
            package = f"{_REGISTRY}/acme/{name}:v1.{number}.0"
            status = conditions("Installed", "Healthy", number=number, failing=3)
            current = {"currentRevision": f"{name}-2", "currentIdentifier": package}
            yield made(f"{_PKG}/v1", kind, name, spec={"package": package}, status=status | current)
            yield from (_revision(kind, name, package, number, revision) for revision in (1, 2))
    yield from _configs()


def _revision(kind: str, name: str, package: str, number: int, revision: int) -> Object:
    brought = [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "name": f"things{each}.{managed_group(each)}",
        }
        for each in range(KINDS if number == 0 else 3)
    ]
    spec = {"desiredState": "Active" if revision == 2 else "Inactive", "image": package, "revision": revision}
    status = conditions("Healthy", "RevisionHealthy", "RuntimeHealthy", number=number, failing=3)
    labels = {"pkg.crossplane.io/package": name}
    return made(
        f"{_PKG}/v1",
        f"{kind}Revision",
        f"{name}-{revision}",
        metadata={"labels": labels},
        spec=spec,
        status=status | {"objectRefs": brought if kind == "Provider" else []},
    )


def _configs() -> Iterator[Object]:
    names = [("Provider", 40), ("Configuration", 30), ("Function", 30)]
    packages = [
        {
            "name": f"{kind.lower()}-{number}-2",
            "apiVersion": f"{_PKG}/v1",
            "kind": kind,
            "source": f"{_REGISTRY}/acme/{kind.lower()}-{number}",
            "version": f"v1.{number}.0",
            "dependencies": [
                {
                    "package": f"{_REGISTRY}/acme/provider-{each}",
                    "apiVersion": f"{_PKG}/v1",
                    "kind": "Provider",
                    "constraints": ">=v1.0.0",
                }
                for each in range(8 if kind == "Configuration" else 0)
            ],
        }
        for kind, count in names
        for number in range(count)
    ]
    resolved = {"type": "Resolved", "status": "False", "reason": "DependencyResolutionFailed", "message": long(1)}
    status = {"conditions": [resolved | {"lastTransitionTime": _TIME}]}
    yield made(f"{_PKG}/v1beta1", "Lock", "lock", packages=packages, status=status)
    for number in range(30):
        name = f"one-{number}" if number else "one"
        container = {"name": "package-runtime", "args": [f"--flag-{each}" for each in range(20)]}
        template = {"spec": {"selector": {}, "template": {"spec": {"containers": [container]}}}}
        yield made(f"{_PKG}/v1beta1", "DeploymentRuntimeConfig", name, spec={"deploymentTemplate": template})
        images = [{"type": "Prefix", "prefix": f"{_REGISTRY}/acme/{each}"} for each in range(20)]
        yield made(
            f"{_PKG}/v1beta1",
            "ImageConfig",
            name,
            spec={"matchImages": images, "rewriteImage": {"prefix": "a.example.org"}},
        )


def _operations() -> Iterator[Object]:
    for number in range(250):
        name = f"one-{number}" if number else "one"
        labels = {"ops.crossplane.io/cronoperation": "one"} if number % 2 else {}
        applied = [
            {"apiVersion": f"{managed_group(0)}/v1", "kind": "Thing0", "name": f"thing-0-{each}"}
            for each in range(1, 200 if number == 0 else 2)
        ]
        status = conditions("Succeeded", "Synced", "ValidPipeline", number=number)
        yield made(
            f"{_OPS}/v1alpha1",
            "Operation",
            name,
            metadata={"labels": labels},
            spec={"mode": "Pipeline", "pipeline": _pipeline(2), "retryLimit": 5},
            status=status | {"failures": 2, "appliedResourceRefs": applied},
        )
    for number in range(40):
        name = f"one-{number}" if number else "one"
        template = {"spec": {"mode": "Pipeline", "pipeline": _pipeline(2)}}
        status = conditions("Scheduling", "Synced", number=number)
        cron = {"schedule": "0 3 * * 1", "operationTemplate": template}
        yield made(f"{_OPS}/v1alpha1", "CronOperation", name, spec=cron, status=status)
        watched = {"watch": {"apiVersion": "v1", "kind": "ConfigMap"}, "operationTemplate": template}
        status = conditions("Watching", "Synced", number=number)
        yield made(f"{_OPS}/v1alpha1", "WatchOperation", name, spec=watched, status=status)


def _usages() -> Iterator[Object]:
    for number in range(200):
        name = f"one-{number}" if number else "one"
        of = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "Database", "resourceRef": {"name": name}}
        spec = {"of": of, "reason": long(number)}
        status = conditions("Ready", number=number)
        yield made(_PROTECTION, "Usage", name, metadata={"namespace": NAMESPACE}, spec=spec, status=status)
        of = {"apiVersion": f"{managed_group(0)}/v1", "kind": "Thing0", "resourceRef": {"name": f"thing-0-{number}"}}
        yield made(_PROTECTION, "ClusterUsage", name, spec={"of": of, "reason": long(number)}, status=status)


def _managing() -> Iterator[Object]:
    for number in range(KINDS):
        spec = managed_crd(number)["spec"] | {"state": "Active" if number % 2 else "Inactive"}
        status = conditions("Established", number=number, failing=7)
        name = f"things{number}.{managed_group(number)}"
        yield made(f"{_APIEXTENSIONS}/v1alpha1", "ManagedResourceDefinition", name, spec=spec, status=status)
    for number in range(20):
        name = f"one-{number}" if number else "one"
        patterns = [f"things{each}.*" for each in range(KINDS if number == 0 else 20)]
        status = conditions("Healthy", number=number) | {
            "activated": [each.replace(".*", f".{MANAGED}") for each in patterns]
        }
        yield made(
            f"{_APIEXTENSIONS}/v1alpha1",
            "ManagedResourceActivationPolicy",
            name,
            spec={"activate": patterns},
            status=status,
        )
    for number in range(100):
        name = f"one-{number}" if number else "one"
        secret = {"source": "Secret", "secretRef": {"namespace": "crossplane-system", "name": "keys", "key": "all"}}
        yield made(f"{MANAGED}/v1", "ProviderConfig", name, spec={"credentials": secret}, status={"users": number})
    for number in range(200):
        using = {"apiVersion": f"{managed_group(0)}/v1", "kind": "Thing0", "name": f"thing-0-{number}"}
        yield made(
            f"{MANAGED}/v1",
            "ProviderConfigUsage",
            f"using-{number}",
            metadata={"labels": {"crossplane.io/provider-config": "one"}},
            providerConfigRef={"name": "one"},
            resourceRef=using,
        )


def objects() -> list[Object]:
    parts = (_things, _orders, _definitions, _packages, _operations, _usages, _managing)
    return [each for part in parts for each in part()]
