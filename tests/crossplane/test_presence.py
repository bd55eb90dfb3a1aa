"""Where Crossplane is not there, only half, or does not run, every answer says so before it says that all is well."""

import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.targets import Cluster
from fairlead.crossplane import presence
from fairlead.crossplane.surveying import Survey, survey
from fairlead.crossplane.understanding import reporting, telling
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.embedded.simulator import crossplanekinds
from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.resources.reading import Reader
from testenv import building
from testenv.kubelet import ClusterWithNode
from testenv.servers import CONTROLLERS
from tests.clusters import EMBEDDED_DATA, ROLLOUTS
from tests.crossplane.agents import Hand, hand
from tests.e2e.platforms import by_kubectl
from tests.evaluation import calls

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-understanding:presence")]
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
SPEC: Object = {
    "replicas": 1,
    "paused": False,
    "selector": {"matchLabels": {"app": "one"}},
    "template": {
        "metadata": {"labels": {"app": "one"}},
        "spec": {"containers": [{"name": "one", "image": "registry.example.org/crossplane:v2.3.4"}]},
    },
}
ABSENT = "Crossplane is not installed here: its API apiextensions.crossplane.io is not served"
NAMES = ("definition", "inactive", "provider", "configuration", "function", "revision")
STANDING = calls.Standing(
    **dict.fromkeys(NAMES, "one"),
    managed="disks.example.org",
    thing="one",
    managed_namespace="",
    pending="one",
    config="providerconfigs.example.org",
    package="registry.example.org/one:v1.0.0",
    newer="v1.1.0",
)


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with EmbeddedCluster("bare", tmp_path) as server:
        yield Cluster("bare", server.kubeconfig)


@pytest.fixture
async def agent(bare: Cluster) -> AsyncIterator[Hand]:
    async with hand(bare.kubeconfig, *calls.TOOLSETS) as one:
        yield one


async def served(cluster: Cluster, crds: Iterable[Object]) -> None:
    async with cluster.open() as client:
        for each in crds:
            await client.apply(CRDS, each, manager="tests")


def core() -> list[Object]:
    return [encoding.from_yaml((EMBEDDED_DATA / "xrd_crd.yaml").read_bytes()), *crossplanekinds.crds()]


@pytest.mark.parametrize("tool", calls.tools())
async def test_no_tool_takes_a_cluster_without_crossplane_for_an_empty_one(agent: Hand, tool: str) -> None:
    given = calls.rehearsed(calls.tools()[tool], calls.right(STANDING)[tool])
    outcome = await agent.outcome(tool, **given)
    assert ABSENT in outcome.answer.text
    assert "all well" not in outcome.answer.text


async def test_it_is_seen_once_it_has_been_installed(agent: Hand, bare: Cluster) -> None:
    assert ABSENT in await agent.refused("list_xrds")
    assert ABSENT in await agent("list_composites")
    await served(bare, core())
    assert "Crossplane" not in await agent("list_composites")
    assert "all well: 0 objects" in await agent("list_unhealthy")


async def test_half_of_it_is_named_by_what_is_missing(agent: Hand, bare: Cluster) -> None:
    await served(bare, (each for each in core() if each["spec"]["names"]["kind"] not in ("Function", "Lock")))
    lacking = "only half installed: not served: Function, Lock"
    assert lacking in await agent.refused("list_functions")
    assert lacking in await agent("control_plane_status")
    assert lacking in await agent("list_unhealthy")
    refused = await agent.refused("get_composite", kind="database", name="one")
    assert "half" not in refused, "what nobody has made is not Crossplane's own"


def older() -> Iterator[Object]:
    """As before 1.17: another version of functions than any tool asks for."""
    for crd in core():
        versions = crd["spec"]["versions"]
        renamed = [each | {"name": "v1beta1"} for each in versions]
        function = crd["spec"]["names"]["kind"] == "Function"
        yield crd | {"spec": crd["spec"] | {"versions": renamed if function else versions}}


async def test_a_crossplane_older_than_any_that_is_known_is_called_so(agent: Hand, bare: Cluster) -> None:
    await served(bare, older())
    too_old = "this Crossplane is older than 1.19: Function: not read, for they are served in an earlier version alone"
    assert too_old in await agent.refused("list_functions")
    assert too_old in await agent("list_providers")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (".spec.runtime", "ImageConfig has no field spec.runtime here: it came with Crossplane 2.2; leave it out"),
        (
            '.spec.pipeline[step="make"].requirements.requiredSchemas',
            'ImageConfig has no field spec.pipeline[step="make"].requirements.requiredSchemas here: it came with'
            " Crossplane 2.2; leave it out",
        ),
        (
            ".spec.colour",
            "ImageConfig has no field spec.colour here: it is misspelt, or of another version of Crossplane;"
            " leave it out",
        ),
    ],
)
async def test_a_field_of_a_later_version_is_called_so(bare: Cluster, path: str, told: str) -> None:
    """Said by every API server of 1.2x and 1.3x; the embedded one has words of its own."""
    said = f"failed to create typed patch object (/i; pkg.crossplane.io/v1beta1, Kind=ImageConfig): {path}: field not"
    await served(bare, core())
    async with bare.open() as client:
        kinds = await Reader(client).kinds()
    assert str(presence.refusal(kinds, FairleadError(f"{said} declared in schema"))) == told
    of_a_provider = said.replace("pkg.crossplane.io", "kubernetes.m.crossplane.io")
    assert presence.refusal(kinds, FairleadError(f"{of_a_provider} declared in schema")) is None


def test_a_survey_under_a_warning_calls_nothing_well() -> None:
    lines = list(telling.survey(Survey(9, 3, (), (), ("Crossplane does not run: …",))))
    assert lines == ["Crossplane does not run: …", "no object says that it is not well: 3 objects of 9 kinds"]
    assert list(telling.survey(Survey(0, 0, (), ()))) == ["none of these kinds is served here: 0 objects of 0 kinds"]


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[ClusterWithNode]:
    server = ClusterWithNode("idle", tmp_path, (*CONTROLLERS, *ROLLOUTS))
    try:
        with server:
            yield server
    finally:
        shutil.rmtree(server.data)


@pytest.mark.real
@pytest.mark.whole  # a server of its own, with other Deployments of Crossplane than the shared planes
async def test_nothing_is_well_while_crossplane_does_not_run(idle: ClusterWithNode) -> None:
    hands = by_kubectl(idle)
    for path in crds():
        hands.run("apply", "--server-side", "-f", str(path))
    hands.apply(deployment("crossplane", paused=True))
    async with hand(idle.cluster.kubeconfig, *calls.TOOLSETS) as agent:
        await told(agent, "Crossplane does not run: Deployment/crossplane in default has no ready Pod")
        async with idle.cluster.open() as client:
            assert reporting.survey(await survey(Reader(client)))["warnings"] != []
        hands.run("scale", "deployment", "crossplane", "--replicas=0")
        await told(agent, "Crossplane does not run: Deployment/crossplane in default is scaled to zero")
        assert "registry.example.org/crossplane:v2.3.4: scaled to zero" in await agent("control_plane_status")
        await agent("create_xrd", group="example.org", kind="XBox", wait_seconds=0)
        diagnosed = await agent("diagnose_resource", kind="xrd", name="xboxes.example.org")
        assert "1. Crossplane does not run" in diagnosed
        assert "next: trace_resource kind=Deployment.apps name=crossplane namespace=default" in diagnosed

        hands.run("delete", "xrd", "xboxes.example.org")
        hands.apply(deployment("crossplane"))
        hands.run("wait", "--for=condition=Available", "--timeout=60s", "deployment/crossplane")
        assert "all well" in await agent("list_unhealthy")
        hands.apply(deployment("crossplane-rbac-manager") | {"spec": {**SPEC, "replicas": 0}})
        await told(agent, "Crossplane's RBAC manager does not run: Deployment/crossplane-rbac-manager in default is")


def deployment(name: str, **spec: Any) -> Object:
    """As its chart has it; one that is paused has no Pods."""
    metadata = {"name": name, "namespace": "default", "labels": {"app": name}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {**SPEC, **spec}}


async def told(agent: Hand, what: str) -> None:
    said = await agent("list_unhealthy")
    assert what in said
    assert "all well" not in said


def crds() -> list[Path]:
    folder = building.folder("crossplane-crds")
    assert folder is not None, "checked before any test that is marked `real`"
    return sorted(folder.glob("*.yaml"))


async def test_what_nobody_has_taken_up_may_be_waiting_for_crossplane_itself(agent: Hand, bare: Cluster) -> None:
    await served(bare, core())
    await agent("create_xrd", group="example.org", kind="XBox", wait_seconds=0)
    diagnosed = await agent("diagnose_resource", kind="xrd", name="xboxes.example.org")
    assert "whoever looks after it does not run, or lacks the rights that Crossplane's RBAC manager gives" in diagnosed
    assert diagnosed.endswith("next: control_plane_status")
