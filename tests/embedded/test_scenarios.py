"""The worlds of the playground, each played on the simulator and on real Crossplane: both have to be told the same.

A world is played once for each target; everything about it is asked of the same plane.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.client.watching import Deleted, Listed, watch
from fairlead.crossplane.judging import State
from fairlead.crossplane.surveying import survey
from fairlead.crossplane.understanding import deleting
from fairlead.crossplane.understanding.causes import Cause
from fairlead.crossplane.understanding.diagnosing import diagnose
from fairlead.embedded.playground import Playground
from fairlead.embedded.simulator import following, repository, scenarios
from fairlead.embedded.simulator.installing import CONFIGS, PACKAGES
from fairlead.embedded.simulator.providing import Providers
from fairlead.embedded.simulator.scenarios import CRDS, Finding, Scenario
from fairlead.machinery import conditions, statuses
from fairlead.machinery.paths import Resource
from fairlead.resources import happening
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader
from tests.clusters import ROLLOUTS, TARGETS
from tests.crossplane.agents import hand
from tests.e2e.platforms import by_kubectl

if TYPE_CHECKING:
    from testenv.registry import Registry

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("playground-scenarios:same-diagnosis")]

DEADLINE = 60
WORST_REPLY = 25_000
BUCKETS = Resource("cloud.example.org", "v1", "buckets")
ESTATE = "estate.teams.example.org/"


@pytest.fixture(scope="session")
def packaged_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Real Crossplane that installs the playground's packages, on a node whose Pods are ready."""
    from testenv.crossplane import RealCrossplane
    from testenv.kubelet import ClusterWithNode
    from testenv.provider import RUNTIME
    from testenv.registry import Registry
    from testenv.servers import CONTROLLERS

    directory = tmp_path_factory.mktemp("packaged")
    server = ClusterWithNode("packaged", directory / "plane", (*CONTROLLERS, *ROLLOUTS))
    try:
        with (
            server,
            RealCrossplane(server, directory / "crossplane", runtime=RUNTIME),
            Registry() as registry,
        ):
            fill(registry)
            by_kubectl(server).apply(rewriting(registry.address))
            yield server.cluster
    finally:
        shutil.rmtree(server.data)


def fill(registry: "Registry") -> None:
    """With the packages of the playground, as they are."""
    for name in repository.names():
        content = repository.fetch(f"{repository.REGISTRY}/{name}:{repository.TAG}")
        assert content is not None
        registry.put(name, repository.TAG, content)


@asynccontextmanager
async def program(cluster: Cluster) -> AsyncIterator[None]:
    """What runs in the Pods of the playground's providers, where these are Pods: the same as in the playground."""
    async with cluster.open() as client, asyncio.TaskGroup() as tasks:
        providers = Providers(client, tasks)

        async def changed(provider: dict[str, Any]) -> None:
            if not conditions.is_true(provider, "Healthy"):
                return
            group = f"{provider['metadata']['name'].removeprefix('provider-')}.example.org"
            for crd in (await client.list(CRDS)).items:
                if crd["spec"]["group"] == group and "managed" in crd["spec"]["names"]["categories"]:
                    await providers.runs(crd, True)

        following_them = tasks.create_task(following.follow(client, PACKAGES["Provider"], changed))
        try:
            yield
        finally:
            for each in [following_them, *providers.tasks]:
                each.cancel()


def rewriting(address: str) -> dict[str, Any]:
    """By which worlds can name their registry, wherever it listens."""
    images = [{"type": "Prefix", "prefix": repository.REGISTRY}]
    spec = {"matchImages": images, "rewriteImage": {"prefix": address}}
    return {
        "apiVersion": "pkg.crossplane.io/v1beta1",
        "kind": "ImageConfig",
        "metadata": {"name": "playground"},
        "spec": spec,
    }


@asynccontextmanager
async def playing(request: pytest.FixtureRequest, directory: Path, plane: str) -> AsyncIterator[Cluster]:
    if request.param == "embedded":
        async with Playground(directory, whole=True) as playground:
            yield playground.control_plane
    elif plane == "packaged_plane":
        cluster = request.getfixturevalue(plane)
        async with program(cluster):
            yield cluster
    else:
        yield request.getfixturevalue(plane).cluster


@pytest.fixture(params=TARGETS)
async def plane_alone(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Without packages."""
    async with playing(request, tmp_path, "plane_server") as cluster:
        yield cluster


@pytest.fixture(params=["embedded", pytest.param("real", marks=[pytest.mark.real, pytest.mark.whole])])
async def plane_with_packages(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with playing(request, tmp_path, "packaged_plane") as cluster:
        yield cluster


async def first(reader: Reader, finding: Finding, wanted: str) -> Cause | None:
    """The first cause, as soon as it is the one that the world promises; it may take a moment to settle."""
    seen: list[str] = []
    kind = await reader.kind(finding.kind)
    with anyio.move_on_after(DEADLINE):
        while True:
            causes = (await diagnose(reader, kind, finding.name, finding.namespace)).causes
            if [each.name for each in causes[:1]] == [wanted] * bool(wanted):
                return causes[0] if causes else None
            seen += [now] if (now := ", ".join(each.what for each in causes)) not in seen else []
            await asyncio.sleep(0.1)
    raise AssertionError(f"{wanted or 'nothing'} never came first for {finding.name}: {seen}")


async def has_all_findings(client: Client, scenario: Scenario) -> None:
    """The playground has no Pods, and sees less deep where one is to blame."""
    reader = Reader(client)
    has_pods = any(each.api.kind == "Pod" for each in (await reader.kinds()).all)
    for each in scenario.findings:
        cause = await first(reader, each, (each.deeper if has_pods else "") or each.cause)
        assert (cause.about.kind if cause else "") == each.about


async def played(cluster: Cluster, name: str, most: int = 10_000) -> None:
    scenario = scenarios.find(name)
    async with cluster.open() as client:
        await scenarios.play(client, scenario, most=most)
        await has_all_findings(client, scenario)
    await an_agent_is_told(cluster, scenario)


async def an_agent_is_told(cluster: Cluster, scenario: Scenario) -> None:
    """Through the gate, by the tools of the server `crossplane-diagnose`, in answers that can be read."""
    async with hand(cluster.kubeconfig, "crossplane-diagnose") as agent:
        for each in scenario.findings:
            about = {"kind": each.kind, "name": each.name}
            about |= {"namespace": each.namespace} if each.namespace else {}
            answers = [await agent("diagnose_resource", **about)]
            assert ("\n1. " in answers[0]) == bool(each.cause)
            answers.append(await agent("trace_resource", **about))
            assert "objects, " in answers[-1]
            answers.append(await agent("explain_deletion", **about))
            assert each.name in answers[-1]
            assert max(len(answer.encode()) for answer in answers) <= WORST_REPLY
        listed = await agent("list_unhealthy")
        assert len(listed.encode()) <= WORST_REPLY
        assert "crossplane: " in (status := await agent("control_plane_status")).lower(), status


_PIPELINE = 'cannot run Composition pipeline step "settings": cannot get gRPC client connection for Function'
_NO_REVISION = "cannot find an active FunctionRevision (a FunctionRevision with spec.desiredState: Active)"
_UNMAPPED = 'failed to get restmapping: no matches for kind "Queue" in version "queues.example.org/v1"'
SAID = {
    "cart": f'cannot compose resources: {_PIPELINE} "function-setings": {_NO_REVISION}',
    "payments": 'cannot compose resources: pipeline step "settings" returned a fatal result: '
    "the region moon-1 is unknown",
    "orders": 'cannot compose resources: cannot check if composed resource "queue" is namespaced (a Queue named ): '
    + _UNMAPPED,
    "search": "cannot fetch Composition: cannot get Composition: "
    'Composition.apiextensions.crossplane.io "apps" not found',
}
"""What Crossplane 2.3 says of each app that cannot be composed, in its condition and in an event alike."""


async def is_said_as_by_crossplane(client: Client) -> None:
    reader = Reader(client)
    apps = await reader.kind("app")
    for name, message in SAID.items():
        app = await reader.one(apps, name, "checkout")
        synced, responsive = (conditions.get(app, each) or {} for each in ("Synced", "Responsive"))
        assert (synced["status"], synced["reason"], synced["message"]) == ("False", "ReconcileError", message)
        assert (responsive["status"], responsive["reason"]) == ("True", "WatchCircuitClosed")
        assert f"ComposeResources: {message}" in await happening.warnings(reader, app)
    emails = conditions.get(await reader.one(apps, "emails", "checkout"), "Ready") or {}
    assert (emails["reason"], emails["message"]) == ("Creating", "Unready resources: settings")
    (ledger,) = [each for each in await reader.every("xledger", "") if each["spec"]["claimRef"]["name"] == "invoices"]
    unmatched = "cannot select Composition: no compatible Compositions found"
    assert (conditions.get(ledger, "Synced") or {})["message"] == unmatched
    assert f"SelectComposition: {unmatched}" in await happening.warnings(reader, ledger)


@pytest.mark.requirement("playground-scenarios:mended", "playground-scenarios:same-words")
async def test_a_wrong_composition(plane_alone: Cluster) -> None:
    await played(plane_alone, "wrong-composition")
    async with plane_alone.open() as client:
        await is_said_as_by_crossplane(client)
        reader = Reader(client)
        compositions, apps = [(await reader.kind(each)).resource for each in ("composition", "app")]
        found = await client.get(compositions, "app-on-the-moon")
        del found["spec"]["pipeline"][0]["input"]
        await client.replace(compositions, found)
        await client.patch(apps, "search", {"spec": {"crossplane": {"compositionRef": {"name": "app"}}}}, "checkout")
        with anyio.fail_after(DEADLINE):
            await following.until(client, apps, "payments", "Ready")
            await following.until(client, apps, "search", "Ready")
        await cleared(client, scenarios.find("wrong-composition"))


async def cleared(client: Client, scenario: Scenario) -> None:
    """Others use the same plane, and count what is on it."""
    reader = Reader(client)
    for _, objects in reversed(scenario.files()):
        for each in objects:
            kind, metadata = await reader.kind(each["kind"], each["apiVersion"]), each["metadata"]
            with suppress(statuses.NotFound):
                await client.delete(kind.resource, metadata["name"], metadata.get("namespace"))


async def test_a_healthy_platform(plane_with_packages: Cluster) -> None:
    await played(plane_with_packages, "healthy-platform")
    async with plane_with_packages.open() as client:
        kinds = {each.reference.kind for each in (await survey(Reader(client))).findings if each.health.is_trouble}
    assert kinds.isdisjoint({"Bucket", "Configuration", "ConfigurationRevision", "XDatabase", "Database", "Site"})


@pytest.mark.requirement("playground-scenarios:life")
async def test_a_composite_rests_while_it_is_paused_and_keeps_what_it_is_made_of(plane_with_packages: Cluster) -> None:
    await played(plane_with_packages, "healthy-platform")
    async with plane_with_packages.open() as client:
        reader = Reader(client)
        sites, bucket = (await reader.kind("site")).resource, await made_of(reader, "storefront", "Bucket")
        await client.delete(BUCKETS, bucket, "shop-team")
        paused = Finding("Site", "blog", "shop-team", "paused", "Site", "")
        await client.patch(sites, "blog", pause("true"), "shop-team")
        await first(reader, paused, "paused")
        await client.patch(sites, "blog", pause(None), "shop-team")
        await first(reader, paused, "")
        with anyio.fail_after(DEADLINE):
            await following.until(client, BUCKETS, bucket, "Ready")


def pause(value: str | None) -> dict[str, Any]:
    return {"metadata": {"annotations": {"crossplane.io/paused": value}}}


async def made_of(reader: Reader, site: str, kind: str) -> str:
    """The name of what it composes of that kind."""
    found = await reader.one(await reader.kind("site"), site, "shop-team")
    references = found["spec"]["crossplane"]["resourceRefs"]
    return next(str(each["name"]) for each in references if each["kind"] == kind)


@pytest.mark.requirement("playground-scenarios:mended")
async def test_a_broken_provider(plane_with_packages: Cluster) -> None:
    await played(plane_with_packages, "broken-provider")
    async with plane_with_packages.open() as client:
        await bind_anywhere(client, "on-rack-7")
        archives = (await Reader(client).kind("archive")).resource
        with anyio.fail_after(DEADLINE):
            await following.until(client, archives, "photos", "Ready")


async def bind_anywhere(client: Client, config: str) -> None:
    """What a runtime config names is a node that is gone.

    Real Crossplane merges a config into the Deployment that it has made: what is taken out of one stays in the other
    until that is made anew.
    """
    before = await client.get(CONFIGS, config)
    pod = before["spec"]["deploymentTemplate"]["spec"]["template"]["spec"]
    node = pod.pop("nodeName")
    await client.replace(CONFIGS, before)
    with suppress(UnknownKindError):
        deployments = (await Reader(client).kind("Deployment", "apps/v1")).resource
        for each in (await client.list(deployments)).items:
            if each["spec"]["template"]["spec"].get("nodeName") == node:
                await client.delete(deployments, each["metadata"]["name"], each["metadata"]["namespace"])


@pytest.mark.requirement("playground-scenarios:mended")
async def test_a_stuck_deletion(plane_with_packages: Cluster) -> None:
    await played(plane_with_packages, "stuck-deletion")
    async with plane_with_packages.open() as client:
        reader = Reader(client)
        kind = await reader.kind("vault")
        found = await eventually(partial(deleting.explain, reader, kind, "contracts", "billing"), "Folder")
        assert found.since
        assert [each.name for each in found.obstacles] == ["provider-unwell", "held", "held", "held"]
        assert [each.about.kind for each in found.obstacles] == ["Folder", "Folder", "XVault", "Vault"]
        await bind_anywhere(client, "on-rack-8")
        await gone(client, kind.resource, "contracts")


async def gone(client: Client, resource: Resource, name: str) -> None:
    with anyio.fail_after(DEADLINE):
        async with aclosing(watch(client, resource)) as events:
            async for event in events:
                listed = [each["metadata"]["name"] for each in event.items] if isinstance(event, Listed) else [name]
                if name not in listed or (isinstance(event, Deleted) and event.object["metadata"]["name"] == name):
                    return


async def eventually(asked: Callable[[], Awaitable[deleting.Deletion]], held: str) -> deleting.Deletion:
    """As soon as something of that kind holds the deletion up: a garbage collector takes a while to know new kinds."""
    with anyio.fail_after(DEADLINE):
        while True:
            found = await asked()
            if held in [each.about.kind for each in found.obstacles if each.name == "held"]:
                return found
            await asyncio.sleep(0.2)


async def test_a_large_platform_in_small(plane_with_packages: Cluster) -> None:
    """As on a plane of full size, but for the numbers."""
    await played(plane_with_packages, "large-platform", most=2)
    async with plane_with_packages.open() as client:
        found = await survey(Reader(client))
    sick = Counter(each.reference.kind for each in found.findings if each.reference.api_version.startswith(ESTATE))
    assert sick == {"Service01": 4, "Service02": 2}
    unheard = {each.reference.kind for each in found.findings if each.health.state is State.UNKNOWN}
    assert unheard >= {"Mainframe", "Modem"}


@pytest.mark.real  # no real server is asked, but the quick run has no time for it
@pytest.mark.whole
@pytest.mark.requirement("playground-scenarios:large")
async def test_a_large_platform_in_full(tmp_path: Path) -> None:
    async with Playground(tmp_path, whole=True) as playground:
        await played(playground.control_plane, "large-platform")
        async with playground.control_plane.open() as client:
            reader = Reader(client)
            kinds = [each for each in (await reader.kinds()).all if each.can("list")]
            assert sum([len((await client.list(each.resource)).items) for each in kinds]) >= 5000
            found = await survey(reader)
    assert not found.unread
    assert found.objects >= 1900
    assert len(found.grouped()) <= 20
