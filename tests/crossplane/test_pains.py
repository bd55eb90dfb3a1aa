"""The pains of users by their numbers in the reference, brought about by real controllers: the right cause comes first.

| pain | what is brought about | cause | where |
|---|---|---|---|
| 1 | a claim that asks for a composition that is not there | composition-missing | test_diagnosing |
| 1 | a claim whose selector matches nothing | no-match | test_diagnosing |
| 2 | a claim that waits in the foreground for what cannot be deleted | held | here |
| 2 | a claim deleted in the background, whose managed resource stays | held | here |
| 2 | a deletion that a usage refuses | none: what is in use is well | test_diagnosing |
| 2 | a composite that waits in the foreground for a part that is in use | in-use | test_diagnosing |
| 3 | a provider uninstalled before its managed resources | provider-uninstalled | here |
| 4 | an upgrade to a revision whose Pod never starts | runtime-failed | test_package_pains |
| 4 | a package beside itself under another name | installed-twice | test_package_pains |
| 4 | another package with the same kinds | control-conflict | test_package_pains |
| 4 | a package that cannot be fetched | package-failed | test_diagnosing |
| 4 | a new revision that nobody has activated | not-activated | test_package_pains |
| 4 | a dependency that is nowhere | dependencies | test_package_pains |
| 5 | a provider killed while it creates | creation-unknown | here |
| 6 | all children are ready, and nobody says so | never-ready | test_diagnosing |
| 7 | a function that fails | pipeline-failed | test_diagnosing |
| 7 | a function that is not installed | function-missing | test_diagnosing |
| 7 | a function that cannot be reached | not-reconciled, then function-unreachable | test_diagnosing |
| 7 | a Deployment that a composition has made, without its Pods | under-way | test_diagnosing |
| 8 | a kind whose definition is not active | definition-inactive | test_package_pains |
| 9 | a composed object that changes without end | circuit-open | test_diagnosing |
| 10 | what is of the first generation | told by control_plane_status | here |
| – | a provider config that is not there | provider-config | here |
| – | credentials that are not there | credentials | here |
| – | an external object that cannot be made | managed-failed | here |
| – | a provider that is not well, asked of its managed resource | provider-unwell | test_package_pains |
"""

import json
from collections.abc import Callable

import pytest

from fairlead.resources.reading import Reader
from testenv import provider as real
from testenv.crossplane import FUNCTION
from testenv.provider import GROUP as OBJECTS_GROUP
from testenv.provider import managed
from testenv.registry import metadata
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.patients import abandoned, config_map, keeping, killed_while_creating, let_go, ready
from tests.crossplane.provided import Provided
from tests.crossplane.wards import Object, Ward
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-pains:right-cause-first")]
OBJECT = f"objects.{OBJECTS_GROUP}"


@pytest.fixture
def ward(provided: Provided, provided_reader: Reader, unique: Callable[[str], str]) -> Ward:
    return Ward(provided.hands, provided_reader, unique)


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
    assert "the Secret nobody-made-it is not there" in cause.what


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
    for kind, label in (
        ("providerrevisions", f"pkg.crossplane.io/package={real.NAME}"),
        ("compositionrevisions", f"crossplane.io/composition-name={name}"),
    ):
        (first, *_) = json.loads(ward.plane.run("get", kind, "-l", label, "-o", "json"))["items"]
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


@pytest.mark.whole
async def test_a_provider_that_was_killed_while_it_created(ward: Ward, provided: Provided) -> None:
    name = ward.unique("interrupted")
    killed_while_creating(provided, name)
    cause = await ward.first("creation-unknown", OBJECT, name)
    assert "external-create-pending" in cause.remedy
    assert cause.evidence[0].startswith("crossplane.io/external-create-pending: 20")


# -- Deletions ---------------------------------------------------------------------------------------------------------


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
