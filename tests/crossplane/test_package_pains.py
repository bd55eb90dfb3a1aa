"""What keeps packages from being well, brought about by Crossplane itself; `test_pains` has the list of all pains."""

from collections.abc import Callable
from functools import partial

import pytest

from fairlead.resources.reading import Reader
from testenv.registry import metadata
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.patients import cloud, disks, provider, ready, runtime, written_down
from tests.crossplane.provided import Provided
from tests.crossplane.wards import Object, Ward
from tests.e2e import manifests, world

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.real,
    pytest.mark.whole,
    pytest.mark.requirement("crossplane-pains:right-cause-first"),
]


@pytest.fixture
def ward(provided: Provided, provided_reader: Reader, unique: Callable[[str], str]) -> Ward:
    return Ward(provided.hands, provided_reader, unique)


@pytest.mark.parametrize("waiting", ["ImagePullBackOff: Back-off pulling image", "CrashLoopBackOff: back-off 5m0s"])
async def test_an_upgrade_whose_pod_never_starts(ward: Ward, provided: Provided, waiting: str) -> None:
    name = ward.unique("provider-cloud")
    ward.plane.apply(provider(name, cloud(provided, name)))
    ready(ward.plane, f"providers.pkg.crossplane.io/{name}", condition="Healthy")
    await ward.well("providers", name, "")
    written_down(ward.plane, name)
    disk = {"apiVersion": f"{name}.example.org/v1", "kind": "Disk", "metadata": {"name": name, "namespace": NAMESPACE}}
    ward.plane.apply(runtime(name, waiting))
    ward.plane.apply(provider(name, cloud(provided, name, "v1.1.0"), runtimeConfigRef={"name": name}))
    cause = await ward.first("runtime-failed", "providers", name, "")
    assert waiting.partition(":")[0] in cause.what
    assert cause.about.kind == "ProviderRevision"
    world.eventually(partial(ward.plane.apply, disk | {"spec": {"forProvider": {}}}))
    unwell = await ward.first("provider-unwell", f"disks.{name}.example.org", name)
    assert name in unwell.what


async def test_another_package_with_the_same_kinds(ward: Ward, provided: Provided) -> None:
    name, other = ward.unique("provider-first"), ward.unique("provider-second")
    ward.plane.apply(provider(name, cloud(provided, name)))
    ready(ward.plane, f"providers.pkg.crossplane.io/{name}", condition="Healthy")
    objects = [metadata("Provider", other), disks(f"{name}.example.org")]
    ward.plane.apply(provider(other, provided.provider.registry.put(f"demo/{other}", "v1.0.0", objects)))
    cause = await ward.first("control-conflict", "providers", other, "")
    assert f"ProviderRevision {name}" in cause.what
    ward.plane.run("delete", "providers.pkg.crossplane.io", other)


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


async def test_a_new_revision_that_nobody_has_activated(ward: Ward, provided: Provided) -> None:
    name = ward.unique("provider-manual")
    ward.plane.apply(provider(name, cloud(provided, name), revisionActivationPolicy="Manual"))
    cause = await ward.first("not-activated", "providers", name, "")
    assert cause.next is not None
    assert cause.next.calls[0].tool == "activate_package_revision"


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
        assert "which is not installed" in " ".join(cause.evidence)
    finally:
        ward.plane.run("delete", "configurations.pkg.crossplane.io", name)


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
