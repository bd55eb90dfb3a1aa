"""The pains of users by their numbers in the reference, brought about by real controllers: the right cause comes first.

| pain | what is brought about | cause | where |
|---|---|---|---|
| 1 | a claim that asks for a composition that is not there | composition-missing | test_diagnosing |
| 1 | a claim whose selector matches nothing | no-match | test_diagnosing |
| 2 | a claim that waits in the foreground for what cannot be deleted | held | here |
| 2 | a claim deleted in the background, whose managed resource stays | held | here |
| 2 | what is in use | in-use | here |
| 3 | a provider uninstalled before its managed resources | provider-uninstalled | here |
| 4 | an upgrade to a revision whose Pod never starts | runtime-failed | here |
| 4 | a package beside itself under another name | control-conflict | here |
| 4 | a package that cannot be fetched | package-failed | test_diagnosing |
| 4 | a new revision that nobody has activated | not-activated | here |
| 4 | a dependency that is nowhere | dependencies | here |
| 5 | a provider killed while it creates | creation-unknown | here |
| 6 | all children are ready, and nobody says so | never-ready | test_diagnosing |
| 7 | a function that fails | pipeline-failed | test_diagnosing |
| 7 | a function that is not installed | function-missing | test_diagnosing |
| 7 | a function that cannot be reached | not-reconciled, then function-unreachable | here |
| 7 | a Deployment that a composition has made, without its Pods | native | here |
| 8 | a kind whose definition is not active | definition-inactive | here |
| 9 | a composed object that changes without end | circuit-open | here |
| 10 | what is of the first generation | told by control_plane_status | here |
| – | a provider config that is not there | provider-config | here |
| – | credentials that are not there | credentials | here |
| – | an external object that cannot be made | managed-failed | here |
| – | a provider that is not well, asked of its managed resource | provider-unwell | here |
"""

import itertools
import json
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from fairlead.machinery import conditions
from fairlead.machinery.paths import Resource
from fairlead.resources.reading import Reader
from testenv import provider as real
from testenv.crossplane import FUNCTION
from testenv.kubelet import WAITING
from testenv.provider import GROUP as OBJECTS_GROUP
from testenv.provider import managed
from testenv.registry import metadata
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.provided import Provided
from tests.crossplane.wards import TRIES, Object, Ward, cache, composition
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-pains:right-cause-first")]
OBJECTS = Resource(OBJECTS_GROUP, "v1alpha1", "objects")
OBJECT = f"objects.{OBJECTS_GROUP}"
CONFIG_MAPS = Resource("", "v1", "configmaps")
REVISIONS = "pkg.crossplane.io/package"


@pytest.fixture
def ward(provided: Provided, provided_reader: Reader, unique: Callable[[str], str]) -> Ward:
    return Ward(provided.hands, provided_reader, unique)


@pytest.fixture
def shared(plane: Kubectl, reader: Reader, unique: Callable[[str], str]) -> Ward:
    """On the plane without a provider."""
    return Ward(plane, reader, unique)


def config_map(name: str, namespace: str = NAMESPACE, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace, **metadata}}


def ready(hands: Kubectl, what: str, *where: str, condition: str = "Ready") -> None:
    hands.run("wait", f"--for=condition={condition}", "--timeout=60s", what, *where)


# -- Managed resources -------------------------------------------------------------------------------------------------


@pytest.mark.whole
async def test_a_provider_config_that_is_not_there(ward: Ward) -> None:
    name = ward.unique("configless")
    wanted = managed(name, NAMESPACE, config_map(name), providerConfigRef={"kind": "ProviderConfig", "name": "nowhere"})
    ward.plane.apply(wanted)
    cause = await ward.first("provider-config", OBJECT, name)
    assert "the provider config ProviderConfig nowhere" in cause.what


@pytest.mark.whole
async def test_credentials_that_are_not_there(ward: Ward) -> None:
    name = ward.unique("locked-out")
    config = real.config(name)
    config["spec"]["credentials"]["secretRef"]["name"] = "nobody-made-it"
    ward.plane.apply(config)
    named = {"kind": "ClusterProviderConfig", "name": name}
    ward.plane.apply(managed(name, NAMESPACE, config_map(name), providerConfigRef=named))
    cause = await ward.first("credentials", OBJECT, name)
    assert "nobody-made-it" in " ".join(cause.evidence)


@pytest.mark.whole
async def test_what_is_outside_cannot_be_made(ward: Ward) -> None:
    name = ward.unique("unmade")
    ward.plane.apply(managed(name, NAMESPACE, config_map(name, "no-such-namespace")))
    cause = await ward.first("managed-failed", OBJECT, name)
    assert "no-such-namespace" in " ".join(cause.evidence)


@pytest.mark.whole
@pytest.mark.requirement("crossplane-pains:healthy-has-none")
async def test_what_is_well_has_no_cause_down_to_what_its_provider_made(ward: Ward) -> None:
    name = ward.unique("whole")
    made = managed(name, NAMESPACE, config_map(f"{name}-outside"))
    await ward.ill(name, compose={"object": made})
    ready(ward.plane, f"caches/{name}", "-n", NAMESPACE)
    found = await ward.well("cache", name)
    assert [each.reference.kind for each in found.trace.nodes] == ["Cache", "Object"]
    for kind, of, namespace in (
        (OBJECT, name, NAMESPACE),
        ("providers", real.NAME, ""),
        ("managedresourcedefinitions", OBJECT, ""),
        ("managedresourceactivationpolicies", "default", ""),
        ("xrd", f"caches.{manifests.GROUP}", ""),
        ("compositions", name, ""),
    ):
        await ward.well(kind, of, namespace)
    for kind in ("providerrevisions", "compositionrevisions"):
        (first, *_) = json.loads(ward.plane.run("get", kind, "-o", "json"))["items"]
        await ward.well(kind, first["metadata"]["name"], "")


@pytest.mark.whole
@pytest.mark.requirement("crossplane-pains:healthy-has-none")
async def test_what_is_well_has_no_cause_of_whatever_kind(ward: Ward, provided: Provided) -> None:
    name = ward.unique("hale")
    described = {"metadata": {"name": name}}
    step: Object = {"step": "make", "functionRef": {"name": FUNCTION}}
    step["input"] = {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", "compose": {"one": config_map(name)}}
    template = {"spec": {"mode": "Pipeline", "pipeline": [step]}}
    operations = "ops.crossplane.io/v1alpha1"
    watched = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": NAMESPACE, "matchLabels": {"watched": name}}
    objects = [metadata("Configuration", name), manifests.xrd("Ledger", f"{name}.example.org")]
    package = provided.provider.registry.put(f"demo/{name}", "v1.0.0", objects)
    of = {"apiVersion": "v1", "kind": "ConfigMap", "resourceRef": {"name": f"{name}-kept"}}
    made: list[Object] = [
        manifests.claim(name, NAMESPACE),
        config_map(f"{name}-kept"),
        {"apiVersion": "pkg.crossplane.io/v1", "kind": "Configuration", **described, "spec": {"package": package}},
        {"apiVersion": operations, "kind": "Operation", **described, **template},
        {
            "apiVersion": operations,
            "kind": "CronOperation",
            **described,
            "spec": {"schedule": "0 3 1 1 *", "operationTemplate": template},
        },
        {
            "apiVersion": operations,
            "kind": "WatchOperation",
            **described,
            "spec": {"watch": watched, "operationTemplate": template},
        },
        {
            "apiVersion": "protection.crossplane.io/v1beta1",
            "kind": "Usage",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"of": of, "reason": "it is ours"},
        },
        {
            "apiVersion": "apiextensions.crossplane.io/v1beta1",
            "kind": "EnvironmentConfig",
            **described,
            "data": {"a": 1},
        },
    ]
    for each in made:
        ward.plane.apply(each)
        await ward.well(_plural(each), each["metadata"]["name"], each["metadata"].get("namespace", ""))
    ward.plane.run("delete", "usages.protection.crossplane.io", name, "-n", NAMESPACE)


def _plural(obj: Object) -> str:
    group = obj["apiVersion"].rpartition("/")[0]
    return f"{obj['kind']}.{group}" if group else str(obj["kind"])


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


@pytest.mark.whole
async def test_a_provider_that_was_killed_while_it_created(ward: Ward, provided: Provided) -> None:
    name = ward.unique("interrupted")
    killed_while_creating(provided, name)
    cause = await ward.first("creation-unknown", OBJECT, name)
    assert "external-create-pending" in cause.remedy
    assert cause.evidence[0].startswith("crossplane.io/external-create-pending: 20")


# -- Deletions ---------------------------------------------------------------------------------------------------------


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


def let_go(ward: Ward, name: str) -> None:
    free = json.dumps({"metadata": {"finalizers": None}})
    ward.plane.run("patch", "configmap", f"{name}-outside", "-n", NAMESPACE, "--type=merge", "-p", free)


@pytest.mark.whole
async def test_a_claim_that_waits_for_what_cannot_be_deleted(ward: Ward) -> None:
    name = ward.unique("stuck")
    keeping(ward, name, "Foreground")
    try:
        cause = await ward.first("held", "databases", name, about="Object")
        assert "finalizer.managedresource.crossplane.io: the provider" in cause.evidence[0]
    finally:
        let_go(ward, name)


@pytest.mark.whole
async def test_a_managed_resource_that_outlives_its_claim(ward: Ward) -> None:
    name = ward.unique("left")
    keeping(ward, name, "Background")
    try:
        cause = await ward.first("held", OBJECT, name)
        assert "the provider, when the external resource is gone" in cause.evidence[0]
        assert name not in ward.plane.names(manifests.DATABASES, NAMESPACE)
    finally:
        let_go(ward, name)


async def test_what_is_in_use_is_kept(shared: Ward) -> None:
    name = shared.unique("used")
    shared.plane.apply(cache(name, "cache"))
    ready(shared.plane, f"caches/{name}", "-n", NAMESPACE)
    of: Object = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "Cache", "resourceRef": {"name": name}}
    usage: Object = {"apiVersion": "protection.crossplane.io/v1beta1", "kind": "Usage"}
    usage |= {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"of": of, "reason": "it is ours"}}
    shared.plane.apply(usage)
    ready(shared.plane, f"usages.protection.crossplane.io/{name}", "-n", NAMESPACE)
    await shared.well("usages.protection.crossplane.io", name)
    with pytest.raises(Refused, match="in-use by 1 usage"):
        shared.plane.run("delete", "caches", name, "-n", NAMESPACE, "--wait=false")


@pytest.mark.whole
async def test_a_provider_uninstalled_before_its_managed_resources(ward: Ward, provided: Provided) -> None:
    name = ward.unique("abandoned")
    ward.plane.apply(managed(name, NAMESPACE, config_map(name)))
    ready(ward.plane, f"{OBJECT}/{name}", "-n", NAMESPACE)
    provided.provider.stop()  # as its Deployment does
    try:
        ward.plane.run("delete", "providers.pkg.crossplane.io", real.NAME, "--wait=false")
        cause = await ward.first("provider-uninstalled", OBJECT, name)
        assert any("is being deleted too" in each for each in cause.evidence)
    finally:
        abandoned(ward)
        provided.provider.install()
        provided.provider.start()
        world.eventually(provided.provider.configure)


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


# -- Packages ----------------------------------------------------------------------------------------------------------


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


@pytest.mark.whole
@pytest.mark.parametrize("waiting", ["ImagePullBackOff: Back-off pulling image", "CrashLoopBackOff: back-off 5m0s"])
async def test_an_upgrade_whose_pod_never_starts(ward: Ward, provided: Provided, waiting: str) -> None:
    name = ward.unique("provider-cloud")
    ward.plane.apply(provider(name, cloud(provided, name)))
    ready(ward.plane, f"providers.pkg.crossplane.io/{name}", condition="Healthy")
    await ward.well("providers", name, "")
    disk = {"apiVersion": f"{name}.example.org/v1", "kind": "Disk", "metadata": {"name": name, "namespace": NAMESPACE}}
    ward.plane.apply(runtime(name, waiting))
    ward.plane.apply(provider(name, cloud(provided, name, "v1.1.0"), runtimeConfigRef={"name": name}))
    cause = await ward.first("runtime-failed", "providers", name, "")
    assert waiting.partition(":")[0] in cause.what
    assert cause.about.kind == "ProviderRevision"
    world.eventually(partial(ward.plane.apply, disk | {"spec": {"forProvider": {}}}))
    unwell = await ward.first("provider-unwell", f"disks.{name}.example.org", name)
    assert name in unwell.what


@pytest.mark.whole
async def test_another_package_with_the_same_kinds(ward: Ward, provided: Provided) -> None:
    name, other = ward.unique("provider-first"), ward.unique("provider-second")
    ward.plane.apply(provider(name, cloud(provided, name)))
    ready(ward.plane, f"providers.pkg.crossplane.io/{name}", condition="Healthy")
    objects = [metadata("Provider", other), disks(f"{name}.example.org")]
    ward.plane.apply(provider(other, provided.provider.registry.put(f"demo/{other}", "v1.0.0", objects)))
    cause = await ward.first("control-conflict", "providers", other, "")
    assert f"ProviderRevision {name}" in cause.what
    ward.plane.run("delete", "providers.pkg.crossplane.io", other)


@pytest.mark.whole
async def test_a_package_beside_itself(ward: Ward, provided: Provided) -> None:
    """It stops the dependencies of all packages, so it has to go before another test needs some."""
    name, other = ward.unique("provider-twin"), ward.unique("provider-twin")
    package = cloud(provided, name)
    ward.plane.apply(provider(name, package))
    ready(ward.plane, f"providers.pkg.crossplane.io/{name}", condition="Healthy")
    ward.plane.apply(provider(other, package))
    try:
        cause = await ward.first("installed-twice", "providers", other, "")
        assert f"demo/{name} is installed twice" in cause.what
    finally:
        ward.plane.run("delete", "providers.pkg.crossplane.io", other, name)
        ready(ward.plane, "locks.pkg.crossplane.io/lock", condition="Resolved")


@pytest.mark.whole
async def test_a_new_revision_that_nobody_has_activated(ward: Ward, provided: Provided) -> None:
    name = ward.unique("provider-manual")
    ward.plane.apply(provider(name, cloud(provided, name), revisionActivationPolicy="Manual"))
    cause = await ward.first("not-activated", "providers", name, "")
    assert cause.next is not None
    assert cause.next.calls[0].tool == "activate_package_revision"


@pytest.mark.whole
async def test_a_dependency_that_is_nowhere(ward: Ward, provided: Provided) -> None:
    name = ward.unique("platform")
    needs = [{"provider": f"{provided.provider.registry.address}/demo/nowhere", "version": ">=v1.0.0"}]
    objects = [metadata("Configuration", name, dependsOn=needs), manifests.xrd("Queue", f"{name}.example.org")]
    package = provided.provider.registry.put(f"demo/{name}", "v1.0.0", objects)
    wanted = provider(name, package) | {"kind": "Configuration"}
    ward.plane.apply(wanted)
    try:
        cause = await ward.first("dependencies", "configurations", name, "")
        assert "demo/nowhere" in " ".join(cause.evidence)
    finally:
        ward.plane.run("delete", "configurations.pkg.crossplane.io", name)


@pytest.mark.whole
async def test_a_kind_whose_definition_is_not_active(ward: Ward, provided: Provided) -> None:
    name = ward.unique("provider-rest")
    group = f"{name}.example.org"
    policy: Object = {"apiVersion": "apiextensions.crossplane.io/v1alpha1", "kind": "ManagedResourceActivationPolicy"}
    policy |= {"metadata": {"name": "default"}}
    ward.plane.apply(policy | {"spec": {"activate": ["*.crossplane.io"]}})
    try:
        ward.plane.apply(provider(name, cloud(provided, name, capabilities=["safe-start"])))
        ready(ward.plane, f"providers.pkg.crossplane.io/{name}", condition="Healthy")
        disk = {"apiVersion": f"{group}/v1", "kind": "Disk", "metadata": {"name": name, "namespace": NAMESPACE}}
        patient = await ward.ill(ward.unique("resting"), compose={"disk": disk | {"spec": {"forProvider": {}}}})
        cause = await ward.first("definition-inactive", "cache", patient)
        assert f"disks.{group}" in cause.what
        assert (await ward.first("definition-inactive", "mrd", f"disks.{group}", "")).about.name == f"disks.{group}"
    finally:
        ward.plane.apply(policy | {"spec": {"activate": ["*"]}})


# -- Compositions ------------------------------------------------------------------------------------------------------


@pytest.mark.whole
async def test_a_function_that_cannot_be_reached(shared: Ward) -> None:
    function = shared.unique("function-away")
    revision = {
        "apiVersion": "pkg.crossplane.io/v1",
        "kind": "FunctionRevision",
        "metadata": {
            "name": f"{function}-1",
            "labels": {REVISIONS: function},
            "annotations": {"crossplane.io/paused": "true"},
        },
        "spec": {"desiredState": "Active", "image": "registry.example.org/function:v1", "revision": 1},
    }
    shared.plane.apply(revision)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status = {"endpoint": f"dns:///localhost:{port}", "capabilities": ["composition"]}
    patch = json.dumps({"status": status})
    shared.plane.run(
        *("patch", "functionrevisions.pkg.crossplane.io", f"{function}-1"),
        *("--subresource=status", "--type=merge", "-p", patch),
    )
    name = await shared.ill(shared.unique("unheard"), function)
    waiting = await shared.first("not-reconciled", "cache", name)
    assert function in waiting.evidence[0]
    cause = await shared.first("function-unreachable", "cache", name, tries=4 * TRIES)  # Crossplane waits long for it
    assert function in cause.what


async def test_a_composed_deployment_says_itself_that_it_has_no_pods(shared: Ward) -> None:
    """No controller of Deployments runs on this plane, so its status stays what it was made with: on its way."""
    name = shared.unique("podless")
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "none"}]}}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE}}
    made |= {"spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}}
    await shared.ill(name, compose={"deployment": made}, ready=False)
    cause = await shared.first("under-way", "cache", name, about="Deployment")
    assert "0 of 2" in " ".join(cause.evidence)


def opened(composite: Object) -> bool:
    return (conditions.get(composite, "Responsive") or {}).get("status") == "False"


@pytest.mark.whole
async def test_a_composed_object_that_changes_without_end(shared: Ward, reader: Reader) -> None:
    """What was wrong is mended, and Crossplane does not look: it says that only where its last look failed."""
    name = await shared.ill(shared.unique("restless"))
    ready(shared.plane, f"caches/{name}", "-n", NAMESPACE)
    shared.plane.apply(composition(name, fatal="the region moon-1 is unknown"))
    await shared.first("pipeline-failed", "cache", name)
    kind, turns = await reader.kind("cache"), itertools.count()
    with anyio.fail_after(180):  # once open it lets one event of half a minute pass
        while not opened(await reader.one(kind, name, NAMESPACE)):
            for turn in itertools.islice(turns, 20):
                change = {"metadata": {"annotations": {"turn": str(turn)}}}
                await reader.client.patch(CONFIG_MAPS, name, change, NAMESPACE)
    shared.plane.apply(composition(name))
    cause = await shared.first("circuit-open", "cache", name)
    assert f"ConfigMap/{name}" in cause.what


# -- Migration ---------------------------------------------------------------------------------------------------------


@pytest.mark.whole
async def test_what_is_of_the_first_generation_is_named_with_its_new_form(ward: Ward, provided: Provided) -> None:
    name = ward.unique("legacy")
    ward.plane.apply(manifests.claim(name, NAMESPACE))
    clustered = managed(name, NAMESPACE, config_map(name)) | {"apiVersion": f"{real.LEGACY_GROUP}/v1alpha2"}
    del clustered["metadata"]["namespace"]
    ward.plane.apply(clustered)
    of = {"apiVersion": f"{real.LEGACY_GROUP}/v1alpha2", "kind": "Object", "resourceRef": {"name": name}}
    usage: Object = {"apiVersion": "apiextensions.crossplane.io/v1beta1", "kind": "Usage", "metadata": {"name": name}}
    ward.plane.apply(usage | {"spec": {"of": of, "reason": "it is ours"}})
    async with hand(provided.server.cluster.kubeconfig, "crossplane-diagnose") as agent:
        told = await agent("control_plane_status", migration=True)
        assert "migrate" not in await agent("control_plane_status")
    lines = [each for each in told.splitlines() if each.startswith("to migrate: ")]
    for what, named, instead in (
        ("XRD of scope LegacyCluster", "xdatabases", "an XRD of version v2 with scope Namespaced"),
        ("claim Database", f"{NAMESPACE}/{name}", "a namespaced composite"),
        ("legacy usage", name, "protection.crossplane.io"),
        ("managed resource Object without a namespace", name, f"Object of {OBJECTS_GROUP}, which is namespaced"),
    ):
        (line,) = (each for each in lines if what in each)
        assert named in line
        assert instead in line
    ward.plane.run("delete", "usages.apiextensions.crossplane.io", name)


@pytest.mark.whole
async def test_a_composition_without_a_pipeline_is_named_where_there_still_is_one(
    older: Hand, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("patching")
    base = {"apiVersion": "cloud.example.org/v1", "kind": "Bucket", "spec": {"forProvider": {}}}
    composed: Object = {"apiVersion": "apiextensions.crossplane.io/v1", "kind": "Composition"}
    kind = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "XDatabase"}
    spec = {"compositeTypeRef": kind, "mode": "Resources", "resources": [{"name": "bucket", "base": base}]}
    older_plane.apply(composed | {"metadata": {"name": name}, "spec": spec})
    told = await older("control_plane_status", migration=True)
    (line,) = (each for each in told.splitlines() if "composition without a pipeline" in each)
    assert name in line
    assert "mode Pipeline with function-patch-and-transform" in line
