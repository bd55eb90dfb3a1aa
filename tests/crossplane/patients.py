"""What tests make ill with a real provider: managed resources, claims of them, and packages that bring a kind."""

import itertools
import json
import socket
from typing import Any

from testenv.crossplane import FUNCTION
from testenv.kubelet import WAITING
from testenv.provider import managed
from testenv.registry import metadata
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.provided import Provided
from tests.crossplane.wards import Object, Ward
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused


def config_map(name: str, namespace: str = NAMESPACE, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace, **metadata}}


def ready(hands: Kubectl, what: str, *where: str, condition: str = "Ready") -> None:
    hands.run("wait", f"--for=condition={condition}", "--timeout=60s", what, *where)


def keeping(ward: Ward, name: str, policy: str) -> None:
    """A claim of a database whose external object cannot go, for somebody has put a finalizer on it."""
    outside = config_map(f"{name}-outside", finalizers=["example.org/kept"])
    composed = managed(name, NAMESPACE, outside)
    step: Object = {"step": "settings", "functionRef": {"name": FUNCTION}}
    step["input"] = {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", "compose": {"object": composed}}
    spec = {
        "compositeTypeRef": {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "XDatabase"},
        "mode": "Pipeline",
        "pipeline": [step],
    }
    ward.plane.apply(
        {
            "apiVersion": "apiextensions.crossplane.io/v1",
            "kind": "Composition",
            "metadata": {"name": name},
            "spec": spec,
        }
    )
    claim = manifests.claim(name, NAMESPACE)
    claim["spec"] |= {"compositionRef": {"name": name}, "compositeDeletePolicy": policy}
    ward.plane.apply(claim)
    ready(ward.plane, f"databases/{name}", "-n", NAMESPACE)
    ward.plane.run("delete", "databases", name, "-n", NAMESPACE, "--wait=false")


def lost(plane: Kubectl, name: str) -> None:
    """A claim whose composition is not there, once its composite says so."""
    claim = manifests.claim(name, NAMESPACE)
    claim["spec"]["compositionRef"] = {"name": "nowhere"}
    plane.apply(claim)

    def told() -> None:
        composite = plane.get(manifests.DATABASES, name, NAMESPACE)["spec"].get("resourceRef", {}).get("name")
        if not composite or "ReconcileError" not in plane.run("get", "xdatabase", composite, "-o", "json"):
            raise Refused(f"{composite} says nothing yet")

    world.eventually(told)


def let_go(ward: Ward, name: str) -> None:
    free = json.dumps({"metadata": {"finalizers": None}})
    ward.plane.run("patch", "configmap", f"{name}-outside", "-n", NAMESPACE, "--type=merge", "-p", free)


def killed_while_creating(provided: Provided, name: str) -> None:
    """The API server waits for a webhook that never answers, and the provider for the API server."""
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
    }
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    program = provided.provider.program
    assert program is not None
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        webhook = {
            "name": "silent.example.org",
            "clientConfig": {"url": url},
            "rules": [rule],
            "objectSelector": {"matchLabels": {"slow": name}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 30,
        }
        provided.hands.apply(hook | {"webhooks": [webhook]})
        silent.settimeout(60)
        try:
            provided.hands.apply(managed(name, NAMESPACE, config_map(name, labels={"slow": name})))
            silent.accept()[0].close()
            program.kill()
        finally:
            provided.hands.run("delete", "validatingwebhookconfiguration", name)
            provided.provider.stop()
            provided.provider.start()


def abandoned(ward: Ward) -> None:
    """What the cause says is to be done: finalizers are taken off, and with the last object the kinds go."""
    free = json.dumps({"metadata": {"finalizers": None}})

    def swept() -> None:
        found = ward.plane.run("get", "crd", "-o", "name").split()
        ours = [
            each.partition("/")[2]
            for each in found
            if "kubernetes.m.crossplane.io" in each or "kubernetes.crossplane.io" in each
        ]
        for crd in ours:
            for each in json.loads(
                ward.plane.run("get", crd, "-A", "-o", "json", "--ignore-not-found") or '{"items":[]}'
            )["items"]:
                where = ["-n", each["metadata"]["namespace"]] if each["metadata"].get("namespace") else []
                ward.plane.run("patch", crd, each["metadata"]["name"], *where, "--type=merge", "-p", free)
        if ours:
            raise Refused(f"still there: {ours}")

    world.eventually(swept)


def disks(group: str) -> Object:
    """A kind that a provider brings."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"kind": "Disk", "listKind": "DiskList", "plural": "disks", "singular": "disk", "categories": ["managed"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"disks.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def provider(name: str, package: str, **spec: Any) -> Object:
    described = {"apiVersion": "pkg.crossplane.io/v1", "kind": "Provider", "metadata": {"name": name}}
    return described | {"spec": {"package": package, **spec}}


def cloud(provided: Provided, name: str, version: str = "v1.0.0", **meta: Any) -> str:
    """A provider's package that nobody but its Deployment needs a program for."""
    objects = [metadata("Provider", name, **meta), disks(f"{name}.example.org")]
    objects[0]["metadata"]["annotations"] = {"testenv.fairlead.dev/version": version}
    return provided.provider.registry.put(f"demo/{name}", version, objects)


def runtime(name: str, waiting: str) -> Object:
    """A runtime config with which Pods wait for that reason for ever."""
    template = {"metadata": {"annotations": {WAITING: waiting}}, "spec": {"containers": []}}
    spec = {"deploymentTemplate": {"spec": {"selector": {}, "template": template}}}
    described = {"apiVersion": "pkg.crossplane.io/v1beta1", "kind": "DeploymentRuntimeConfig"}
    return described | {"metadata": {"name": name}, "spec": spec}


def written_down(hands: Kubectl, name: str) -> None:
    """A provider's revision says of what kind its objects are, without which it never lets go of them.

    Crossplane writes that when it looks at the revision again, so it is made to.
    """
    (revision,) = hands.run(
        "get", "providerrevisions.pkg.crossplane.io", "-l", f"pkg.crossplane.io/package={name}", "-o", "name"
    ).split()
    turns = itertools.count()

    def written() -> None:
        hands.run("annotate", revision, f"testenv.fairlead.dev/look={next(turns)}", "--overwrite")
        found = json.loads(hands.run("get", revision, "-o", "json"))["status"].get("objectRefs") or [{}]
        if not all(each.get("kind") for each in found):
            raise Refused("its objects have no kind yet")

    world.eventually(written)
