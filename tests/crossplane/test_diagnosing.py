"""What users of Crossplane are stopped by, brought about on the real core: the right cause has to come first."""

import itertools
import json
import socket

import anyio
import pytest

from fairlead.crossplane import packages
from fairlead.machinery import conditions
from fairlead.machinery.paths import Resource
from fairlead.resources.reading import Reader
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.patients import ready
from tests.crossplane.wards import TRIES, Object, Ward, cache, composition
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-understanding:diagnosis")]
CONFIG_MAPS = Resource("", "v1", "configmaps")
CACHES = Resource(manifests.GROUP, "v1alpha1", "caches")
MANAGED_GROUP = "cloud.example.org"


async def test_what_is_well_has_no_cause(ward: Ward) -> None:
    name = ward.unique("well")
    ward.plane.apply(cache(name, "cache"))
    ward.plane.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"caches/{name}")
    await ward.well("cache", name)


async def test_a_composition_that_is_not_there_is_told_of_the_claim(ward: Ward) -> None:
    claim = manifests.claim(ward.unique("lost"), NAMESPACE)
    claim["spec"]["compositionRef"] = {"name": "nowhere"}
    ward.plane.apply(claim)
    cause = await ward.first("composition-missing", "database", claim["metadata"]["name"])
    assert cause.about.kind == "XDatabase"
    assert "nowhere" in cause.what
    assert cause.remedy == "for this kind there are: xdatabase"


async def test_a_selector_that_matches_nothing(ward: Ward) -> None:
    claim = manifests.claim(ward.unique("choosy"), NAMESPACE)
    claim["spec"]["compositionSelector"] = {"matchLabels": {"tier": "gold"}}
    ward.plane.apply(claim)
    cause = await ward.first("no-match", "database", claim["metadata"]["name"])
    assert "it selects tier=gold" in cause.evidence


async def test_a_function_that_is_not_installed(ward: Ward) -> None:
    name = await ward.ill(ward.unique("functionless"), "function-nobody-installed")
    cause = await ward.first("function-missing", "cache", name)
    assert "function-nobody-installed" in cause.what
    assert cause.remedy.startswith("install the function function-nobody-installed")


async def test_a_function_that_fails(ward: Ward) -> None:
    name = await ward.ill(ward.unique("fatal"), fatal="the region moon-1 is unknown")
    cause = await ward.first("pipeline-failed", "cache", name)
    assert "the step settings" in cause.what
    assert "the region moon-1 is unknown" in " ".join(cause.evidence)


async def test_nobody_says_that_it_is_ready(ward: Ward) -> None:
    name = await ward.ill(ward.unique("unready"), ready=False)
    cause = await ward.first("never-ready", "cache", name)
    assert "function-auto-ready" in cause.remedy


async def test_what_is_paused(ward: Ward) -> None:
    paused = cache(ward.unique("paused"), "cache")
    paused["metadata"]["annotations"] = {"crossplane.io/paused": "true"}
    ward.plane.apply(paused)
    await ward.first("paused", "cache", paused["metadata"]["name"])


async def test_a_composed_kind_that_nobody_serves(ward: Ward) -> None:
    queue = {"apiVersion": "queues.example.org/v1", "kind": "Queue", "metadata": {"name": "one"}}
    name = await ward.ill(ward.unique("unserved"), compose={"queue": queue})
    cause = await ward.first("kind-not-served", "cache", name)
    assert "Queue of queues.example.org/v1" in cause.what


@pytest.fixture
def buckets(ward: Ward) -> Kubectl:
    """Managed resources whose provider is not there: what a provider would have written the test writes."""
    spec = {
        "group": MANAGED_GROUP,
        "names": {"kind": "Bucket", "plural": "buckets", "categories": ["managed"]},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    }
    name = f"buckets.{MANAGED_GROUP}"
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name}}
    ward.plane.apply(crd | {"spec": spec})
    ward.plane.run("wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}")
    return ward.plane


def bucket(name: str, **annotations: str) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE, "annotations": annotations}
    return {"apiVersion": f"{MANAGED_GROUP}/v1", "kind": "Bucket", "metadata": metadata, "spec": {"forProvider": {}}}


async def test_a_managed_resource_that_nobody_looks_after(ward: Ward, buckets: Kubectl) -> None:
    made = bucket(ward.unique("orphan"))
    del made["metadata"]["namespace"]
    name = await ward.ill(ward.unique("holder"), compose={"bucket": made})
    cause = await ward.first("no-provider", "cache", name)
    assert cause.about.kind == "Bucket"


async def test_a_creation_that_nobody_knows_the_end_of(ward: Ward, buckets: Kubectl) -> None:
    name = ward.unique("pending")
    times = {"crossplane.io/external-create-pending": "2026-11-01T10:00:00Z"}
    times |= {"crossplane.io/external-create-failed": "2026-11-01T09:00:00Z"}
    buckets.apply(bucket(name, **times))
    cause = await ward.first("creation-unknown", "buckets", name)
    assert "external-create-pending" in cause.remedy


async def test_a_deletion_that_waits_says_for_whom(ward: Ward, buckets: Kubectl) -> None:
    name = ward.unique("dying")
    dying = bucket(name)
    dying["metadata"]["finalizers"] = ["finalizer.managedresource.crossplane.io"]
    buckets.apply(dying)
    buckets.run("delete", "buckets", name, "-n", NAMESPACE, "--wait=false")
    cause = await ward.first("held", "buckets", name)
    assert "the provider, when the external resource is gone" in cause.evidence[0]


async def test_a_definition_whose_crds_cannot_be_made(ward: Ward) -> None:
    xrd = manifests.xrd("Ledger")
    schema = xrd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema["properties"] = {"size": {"description": "no type, which a structural schema needs"}}
    del schema["required"]
    ward.plane.apply(xrd)
    cause = await ward.first("definition-failed", "xrd", xrd["metadata"]["name"], "")
    assert cause.evidence


async def test_a_package_that_cannot_be_fetched(ward: Ward) -> None:
    name = ward.unique("provider-nowhere")
    spec = {"package": "127.0.0.1:1/nobody/provider:v1.0.0"}
    ward.plane.apply(
        {"apiVersion": "pkg.crossplane.io/v1", "kind": "Provider", "metadata": {"name": name}, "spec": spec}
    )
    cause = await ward.first("package-failed", "providers", name, "")
    assert "127.0.0.1:1" in " ".join(cause.evidence)


def protected(ward: Ward, usage: str, api_version: str, kind: str, name: str) -> None:
    """By a usage that is in force."""
    of = {"apiVersion": api_version, "kind": kind, "resourceRef": {"name": name}}
    made: Object = {"apiVersion": "protection.crossplane.io/v1beta1", "kind": "Usage"}
    made |= {"metadata": {"name": usage, "namespace": NAMESPACE}, "spec": {"of": of, "reason": "it is ours"}}
    ward.plane.apply(made)
    ready(ward.plane, f"usages.protection.crossplane.io/{usage}", "-n", NAMESPACE)


async def test_what_is_in_use_is_kept(ward: Ward) -> None:
    name = ward.unique("used")
    ward.plane.apply(cache(name, "cache"))
    ready(ward.plane, f"caches/{name}", "-n", NAMESPACE)
    protected(ward, name, f"{manifests.GROUP}/v1alpha1", "Cache", name)
    await ward.well("usages.protection.crossplane.io", name)
    with pytest.raises(Refused, match="in-use by 1 usage"):
        ward.plane.run("delete", "caches", name, "-n", NAMESPACE, "--wait=false")


@pytest.mark.whole
async def test_a_deletion_that_waits_for_a_part_that_is_in_use(ward: Ward) -> None:
    """In the foreground nothing goes before its parts, and the collector of garbage is refused one of them."""
    name = ward.unique("leaning")
    ward.plane.apply(cache(name, "cache"))
    ready(ward.plane, f"caches/{name}", "-n", NAMESPACE)
    [part] = ward.plane.get(CACHES, name, NAMESPACE)["spec"]["crossplane"]["resourceRefs"]
    protected(ward, name, "v1", part["kind"], part["name"])
    ward.plane.run("delete", "caches", name, "-n", NAMESPACE, "--cascade=foreground", "--wait=false")
    cause = await ward.first("in-use", "caches", name, about=part["kind"])
    assert cause.evidence == (f"Usage {name}",)
    ward.plane.run("delete", "usages.protection.crossplane.io", name, "-n", NAMESPACE)
    world.await_gone(ward.plane, "caches", name, "-n", NAMESPACE)


@pytest.mark.whole
async def test_a_function_that_cannot_be_reached(ward: Ward) -> None:
    function = ward.unique("function-away")
    revision = {
        "apiVersion": "pkg.crossplane.io/v1",
        "kind": "FunctionRevision",
        "metadata": {
            "name": f"{function}-1",
            "labels": {packages.OWNER: function},
            "annotations": {"crossplane.io/paused": "true"},
        },
        "spec": {"desiredState": "Active", "image": "registry.example.org/function:v1", "revision": 1},
    }
    ward.plane.apply(revision)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status = {"endpoint": f"dns:///localhost:{port}", "capabilities": ["composition"]}
    patch = json.dumps({"status": status})
    ward.plane.run(
        *("patch", "functionrevisions.pkg.crossplane.io", f"{function}-1"),
        *("--subresource=status", "--type=merge", "-p", patch),
    )
    name = await ward.ill(ward.unique("unheard"), function)
    waiting = await ward.first("not-reconciled", "cache", name)
    assert function in waiting.evidence[0]
    cause = await ward.first("function-unreachable", "cache", name, tries=4 * TRIES)  # Crossplane waits long for it
    assert function in cause.what


async def test_a_composed_deployment_says_itself_that_it_has_no_pods(ward: Ward) -> None:
    """No controller of Deployments runs on this plane, so its status stays what it was made with: on its way."""
    name = ward.unique("podless")
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "none"}]}}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE}}
    made |= {"spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}}
    await ward.ill(name, compose={"deployment": made}, ready=False)
    cause = await ward.first("under-way", "cache", name, about="Deployment")
    assert "0 of 2" in " ".join(cause.evidence)


def opened(composite: Object) -> bool:
    return (conditions.get(composite, "Responsive") or {}).get("status") == "False"


@pytest.mark.whole
async def test_a_composed_object_that_changes_without_end(ward: Ward, reader: Reader) -> None:
    """What was wrong is mended, and Crossplane does not look: it says that only where its last look failed."""
    name = await ward.ill(ward.unique("restless"))
    ready(ward.plane, f"caches/{name}", "-n", NAMESPACE)
    ward.plane.apply(composition(name, fatal="the region moon-1 is unknown"))
    await ward.first("pipeline-failed", "cache", name)
    kind, turns = await reader.kind("cache"), itertools.count()
    with anyio.fail_after(180):  # once open it lets one event of half a minute pass
        while not opened(await reader.one(kind, name, NAMESPACE)):
            for turn in itertools.islice(turns, 20):
                change = {"metadata": {"annotations": {"turn": str(turn)}}}
                await reader.client.patch(CONFIG_MAPS, name, change, NAMESPACE)
    ward.plane.apply(composition(name))
    cause = await ward.first("circuit-open", "cache", name)
    assert f"ConfigMap/{name}" in cause.what
