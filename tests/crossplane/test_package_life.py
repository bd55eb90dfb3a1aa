"""Packages after they are installed, on real Crossplane, from a registry that serves several versions of each."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import pytest

from fairlead.crossplane.upkeep import retiring
from testenv.registry import Registry, metadata
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-packages:life")]


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    kubeconfig = plane_server.cluster.kubeconfig
    async with hand(kubeconfig, "crossplane", "crossplane-packages") as found:
        yield found


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


@dataclass(frozen=True)
class Platform:
    """A configuration in several versions, each of which brings one XRD more than the one before."""

    registry: Registry
    name: str

    @property
    def repository(self) -> str:
        return f"{self.registry.address}/demo/{self.name}"

    def put(self, tag: str, kinds: int = 1, **spec: Any) -> str:
        brought = [manifests.xrd(kind, f"{self.name}.example.org") for kind in ("Queue", "Topic", "Stream")[:kinds]]
        return self.registry.put(f"demo/{self.name}", tag, [metadata("Configuration", self.name, **spec), *brought])


async def moved(agent: Hand, plane: Kubectl, name: str, tool: str = "upgrade_package", **arguments: Any) -> str:
    """Crossplane may need more than a minute where the former revision lets go late."""
    said = await agent(tool, kind="configuration", name=name, wait_seconds=60, **arguments)
    if "state: healthy" not in said:
        assert "has not let go yet" in said, said
        await anyio.to_thread.run_sync(healthy, plane, name)
    return said


def healthy(plane: Kubectl, name: str) -> None:
    def look() -> None:
        wanted = '{.status.conditions[?(@.type=="Healthy")].status}'
        if plane.run("get", "configuration.pkg.crossplane.io", name, "-o", f"jsonpath={wanted}") != "True":
            raise Refused(f"{name} is not healthy yet")

    world.eventually(look, seconds=60)


@pytest.fixture
def platform(registry: Registry, unique: Callable[[str], str]) -> Platform:
    return Platform(registry, unique("platform"))


async def test_an_upgrade_says_what_it_is_and_what_became_of_it(
    agent: Hand, plane: Kubectl, platform: Platform
) -> None:
    name = platform.name
    first, second = platform.put("v1.0.0"), platform.put("v1.1.0", kinds=2)
    await agent("install_configuration", package=first, wait_seconds=60)
    again = await agent.refused("install_configuration", package=second)
    assert "is there already: healthy" in again
    assert f"upgrade_package kind=configuration name={name} package={second}" in again
    twin = await agent.refused("install_configuration", package=second, name=f"{name}-twin")
    assert f"upgrade_package kind=configuration name={name} package={second}" in twin
    rehearsed = await agent("upgrade_package", kind="configuration", name=name, version="v1.1.0", dry_run=True)
    assert "v1.0.0 → v1.1.0: a minor upgrade" in rehearsed
    upgraded = await moved(agent, plane, name, version="v1.1.0")
    assert "revision 2" in upgraded
    assert "is Active" in upgraded
    assert "nothing to do: it is at" in await agent.refused(
        "upgrade_package", kind="configuration", name=name, package=second
    )
    await moved(agent, plane, name, version="v1.0.0")
    assert "a downgrade" in agent.talk.asked[-1]


def kept(plane: Kubectl, name: str, count: int) -> None:
    label = f"pkg.crossplane.io/package={name}"
    found = plane.run("get", "configurationrevisions", "-l", label, "-o", "name").split()
    if len(found) != count:
        raise Refused(f"{name} has {len(found)} revisions")


@pytest.mark.whole
async def test_a_rollback_goes_where_there_is_something_to_go_back_to(
    agent: Hand, plane: Kubectl, platform: Platform
) -> None:
    name = platform.name
    which = {"kind": "configuration", "name": name}
    await agent("install_configuration", package=platform.put("v1.0.0"), wait_seconds=60)
    assert "has no former revision" in await agent.refused("rollback_package", **which)
    await agent("update_package_settings", **which, history_limit=0)
    await moved(agent, plane, name, package=platform.put("v2.0.0", kinds=2))
    assert "a major upgrade" in agent.talk.asked[-1]
    await moved(agent, plane, name, "rollback_package")
    assert "back to revision 1" in agent.talk.asked[-1]
    assert "v2.0.0 → v1.0.0: a downgrade" in agent.talk.asked[-1]
    assert "there are: 2 (v2.0.0)" in await agent.refused("rollback_package", **which, to_revision="7")
    listed = await agent("list_package_revisions", kind="configuration", package=name)
    assert "2 in all" in listed
    same = await moved(agent, plane, name, package=platform.put("v1.0.1"))
    assert "a patch upgrade" in agent.talk.asked[-1]
    assert "its content is the same, so there is no new revision" in same
    third = await moved(agent, plane, name, package=platform.put("v3.0.0", kinds=3))
    assert "revision 4" in third, "going back made a former revision the third"
    await agent("update_package_settings", **which, history_limit=1)
    assert "revisions that go, and cannot be rolled back to: 2 (v2.0.0)" in agent.talk.asked[-1]
    world.eventually(lambda: kept(plane, name, 2), seconds=60)
    gone = await agent("upgrade_package", **which, version="v9.9.9", wait_seconds=60)
    assert "MANIFEST_UNKNOWN" in gone
    assert "is Active as before" in gone
    cause = await agent("diagnose_resource", kind="configurations.pkg.crossplane.io", name=name)
    assert f"1. Configuration/{name} cannot be fetched: its registry has no such version" in cause
    assert f"next: upgrade_package kind=configuration name={name} package={platform.repository}:v3.0.0" in gone


async def test_a_revision_waits_for_its_activation_where_the_policy_is_manual(
    agent: Hand, plane: Kubectl, platform: Platform
) -> None:
    name = platform.name
    which = {"kind": "configuration", "name": name}
    await agent("install_configuration", package=platform.put("v1.0.0"), wait_seconds=60)
    await agent("update_package_settings", **which, activation_policy="Manual")
    upgraded = await agent("upgrade_package", **which, package=platform.put("v1.1.0", kinds=2), wait_seconds=60)
    assert "is switched off at once, and the new revision waits" in agent.talk.asked[-1]
    step = next(each for each in upgraded.splitlines() if each.startswith("next: activate_package_revision"))
    revision = step.partition("revision=")[2]
    cause = await agent("diagnose_resource", kind="configurations.pkg.crossplane.io", name=name)
    assert f"1. Configuration/{name} has a new revision that nobody has activated" in cause
    activated = await agent("activate_package_revision", kind="configuration", revision=revision, wait_seconds=60)
    assert "state: healthy" in activated or "has not let go yet" in activated, activated
    assert "is active already" in await agent.refused(
        "activate_package_revision", kind="configuration", revision=revision
    )
    former = [each for each in await revisions(agent, name) if each != revision]
    assert f"rollback_package kind=configuration name={name} to_revision=1" in await agent.refused(
        "activate_package_revision", kind="configuration", revision=former[0]
    )


async def revisions(agent: Hand, package: str) -> list[str]:
    listed = await agent("list_package_revisions", kind="configuration", package=package, output="names")
    return [each.strip() for each in listed.splitlines() if each.strip().startswith(package)]


@pytest.mark.whole
async def test_an_upgrade_says_whom_it_breaks_and_the_lock_says_who_is_broken(
    agent: Hand, plane: Kubectl, platform: Platform, registry: Registry, unique: Callable[[str], str]
) -> None:
    base, app = platform, unique("app")
    base.put("v1.0.0")
    two = base.put("v2.0.0", kinds=2)
    needs = [{"configuration": base.repository, "version": ">=v1.0.0 <v2.0.0"}]
    brought = [metadata("Configuration", app, dependsOn=needs), manifests.xrd("App", f"{app}.example.org")]
    package = registry.put(f"demo/{app}", "v1.0.0", brought)
    installed = await agent("install_configuration", package=package, wait_seconds=60)
    assert "state: healthy" in installed, installed
    name = f"demo-{base.name}"
    which = {"kind": "configuration", "name": name}
    rehearsed = await agent("upgrade_package", **which, package=two, dry_run=True)
    assert f"conflict: Configuration {app} needs >=v1.0.0 <v2.0.0, which v2.0.0 does not meet" in rehearsed
    lock = await agent("get_package_lock", source=base.repository)
    assert f"needs Configuration {name} >=v1.0.0 <v2.0.0: v1.0.0, met" in lock
    assert "conflict:" not in lock
    await moved(agent, plane, name, package=two)
    broken = await agent("get_package_lock", source=base.repository)
    assert f"conflict: Configuration {app} needs {base.repository} >=v1.0.0 <v2.0.0, and v2.0.0 is installed" in broken
    cause = await agent("diagnose_resource", kind="configurations.pkg.crossplane.io", name=app)
    assert f"1. the dependencies of Configuration/{app} cannot be resolved" in cause
    assert "is incompatible with constraint >=v1.0.0 <v2.0.0" in cause
    assert "resolved: True" in broken, "Crossplane itself sees nothing wrong with it"
    assert "no installed package has a source" in await agent.refused("get_package_lock", source="nowhere")
    rehearsed = await agent("uninstall_package", **which, dry_run=True)
    assert f"Configuration {app} depends on it (>=v1.0.0 <v2.0.0): Crossplane installs it again at once" in rehearsed
    told = await agent("uninstall_package", kind="configuration", name=app, dry_run=True)
    assert f"what it depends on stays installed: Configuration {name}" in told


@pytest.mark.whole
async def test_a_function_shows_who_calls_it_before_it_goes(
    agent: Hand, registry: Registry, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("function-auto")
    package = registry.put(f"demo/{name}", "v1.0.0", [metadata("Function", name, capabilities=["composition"])])
    installed = await agent("install_function", package=package, wait_seconds=3)
    assert f"created Function {name}" in installed
    assert name in await agent("list_functions", limit=500)
    again = await agent.refused("install_function", package=package)
    assert f"get_function name={name}" in again
    assert "nobody calls it" in await agent("get_function", name=name)
    step = json.dumps([{"step": "ready", "functionRef": {"name": name}}])
    kind = {"xr_api_version": f"{GROUP}/v1alpha1", "xr_kind": "Cache"}
    await agent("create_composition", name=name, **kind, pipeline=step)
    world.eventually(lambda: seen(plane, "functionrevisions", name, "composition"))
    shown = await agent("get_function", name=name)
    assert "capabilities: composition" in shown
    assert f"called by 1: Composition {name}" in shown
    await agent("uninstall_package", kind="function", name=name)
    assert f"called by 1: Composition {name}; they fail from then on" in agent.talk.asked[-1]
    await agent("delete_composition", name=name)


def seen(plane: Kubectl, resource: str, package: str, text: str) -> None:
    label = f"pkg.crossplane.io/package={package}"
    if text not in plane.run("get", resource, "-l", label, "-o", "jsonpath={.items[*].status}"):
        raise Refused(f"{resource} of {package} say nothing of {text} yet")


@pytest.mark.whole
async def test_an_image_config_sends_crossplane_to_a_mirror(agent: Hand, platform: Platform) -> None:
    name = platform.name
    platform.put("v1.0.0")
    elsewhere = f"registry.example.org/{name}"
    made = await agent("set_image_config", name=name, match_prefixes=[elsewhere], rewrite_prefix=platform.repository)
    assert "matches no package that is installed" in made
    text = await agent("install_configuration", package=f"{elsewhere}:v1.0.0", wait_seconds=60)
    assert f"by ImageConfig {name} (RewriteImage): fetched as {platform.repository}:v1.0.0" in text
    assert "state: healthy" in text, text
    shown = await agent("get_package_config", kind="ImageConfig", name=name)
    assert f"matches Configuration {name} ({elsewhere}:v1.0.0): decides rewrite" in shown
    assert f"rewrite {platform.repository}; matches 1 package: Configuration {name}" in await agent(
        "list_package_configs", kind="ImageConfig"
    )
    longer = f"{name}-longer"
    told = await agent(
        "set_image_config", name=longer, match_prefixes=[f"{elsewhere}:v"], rewrite_prefix=f"{platform.repository}:v"
    )
    assert "decides rewrite" in told
    assert f"its rewrite is decided by {longer}" in await agent("get_package_config", kind="ImageConfig", name=name)
    await agent("delete_package_config", kind="ImageConfig", name=longer)
    assert f"matches Configuration {name}" in agent.talk.asked[-1]
    await signed(agent, name)
    assert "give match_prefixes" in await agent.refused("set_image_config", name=longer, pull_secret="a")


async def signed(agent: Hand, name: str) -> None:
    """By a key, then by nobody any more; the rest of the config stays."""
    wrong = await agent.refused("set_image_config", name=name, cosign="[{called: ours}]")
    assert 'unknown field "spec.verification.cosign.authorities[0].called"' in wrong
    key = "[{name: ours, key: {secretRef: {name: cosign, key: cosign.pub}}}]"
    told = await agent("set_image_config", name=name, cosign=key)
    assert f"matches Configuration {name}" in told
    assert "only where it was started with --enable-signature-verification" in told
    assert "verification Cosign" in await agent("list_package_configs", kind="ImageConfig")
    await agent("set_image_config", name=name, cosign="[]")
    assert "- spec.verification" in agent.talk.asked[-1]
    shown = await agent("get_package_config", kind="ImageConfig", name=name)
    assert "rewriteImage" in shown
    assert "verification" not in shown


@pytest.mark.whole
@pytest.mark.requirement("crossplane-packages:going")
async def test_what_goes_with_a_configuration_is_counted_and_named(
    agent: Hand, plane: Kubectl, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, group = platform.name, f"{platform.name}.example.org"
    await agent("install_configuration", package=platform.put("v1.0.0"), wait_seconds=60)
    claim: Object = {"apiVersion": f"{group}/v1alpha1", "kind": "Queue"}
    claim |= {"metadata": {"name": "one", "namespace": NAMESPACE, "annotations": {"crossplane.io/paused": "true"}}}
    world.eventually(lambda: plane.apply(claim | {"spec": {"size": "small"}}))
    xqueue: Object = {"apiVersion": f"{group}/v1alpha1", "kind": "XQueue", "metadata": {"name": "one"}}
    world.eventually(lambda: plane.apply(xqueue | {"spec": {"size": "small"}}))
    held = f"queues.{group}/one"
    plane.run("patch", held, "-n", NAMESPACE, "--type=merge", "-p", '{"metadata":{"finalizers":["a.example.org/b"]}}')
    monkeypatch.setattr(retiring, "SECONDS", 2.0)
    refused = await agent.refused("uninstall_package", kind="configuration", name=name)
    assert "the Configuration is not deleted yet: its claims go first, and 1 are still there" in refused
    assert "deletionTimestamp" not in plane.run("get", "configurations.pkg.crossplane.io", name, "-o", "json")
    plane.run("patch", held, "-n", NAMESPACE, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    await agent("uninstall_package", kind="configuration", name=name)
    assert "goes with it: 1 XQueue" in agent.talk.asked[-1]
    assert "by name: XQueue/one" in agent.talk.asked[-1]
    assert "the claims of its XRDs are deleted first" in agent.talk.asked[-1]
    assert f"its own that go: 1 CompositeResourceDefinition: xqueues.{group}" in agent.talk.asked[-1]
    world.await_gone(plane, "configurations.pkg.crossplane.io", name)
    assert "not found" in await agent.refused("uninstall_package", kind="configuration", name=name)


@pytest.mark.whole
async def test_a_package_for_another_crossplane_is_told_as_that(
    agent: Hand, plane: Kubectl, platform: Platform
) -> None:
    """Crossplane as it is built here does not know its own version, which is no version that anything asks for."""
    package = platform.put("v1.0.0", crossplane={"version": ">=v99.0.0"})
    await agent("install_configuration", package=package, wait_seconds=0)
    said = ("configurationrevisions", platform.name, "incompatible Crossplane version")
    world.eventually(lambda: seen(plane, *said), seconds=60)
    which = {"kind": "configuration", "name": platform.name}
    cause = await agent("diagnose_resource", kind="configurations.pkg.crossplane.io", name=platform.name)
    first = next(each for each in cause.splitlines() if each.startswith("1. "))
    assert "is made for another Crossplane" in first, "of the package, or of its revision, which says it first"
    assert "set ignore_crossplane_constraints" in cause
    await agent("update_package_settings", **which, ignore_crossplane_constraints=True)
    await anyio.to_thread.run_sync(healthy, plane, platform.name)
