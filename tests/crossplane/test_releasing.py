"""An upgrade soon after an install, while Crossplane still writes down what the first revision has brought."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.api import Client, Patch
from fairlead.client.targets import Cluster
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.embedded.simulator import crossplanekinds
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import STDIO
from fairlead.mcp.conversing import Question, Reply
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from tests.e2e import manifests
from tests.mcp.changing import Person

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-packages:releasing")]
CONFIGURATIONS = Resource("pkg.crossplane.io", "v1", "configurations", namespaced=False)
REVISIONS = Resource("pkg.crossplane.io", "v1", "configurationrevisions", namespaced=False)
REVISION = "one-0123456789ab"


class Meanwhile(Person):
    """Takes a moment to say yes, in which Crossplane writes down what was missing."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        await written(self._client, "CompositeResourceDefinition")
        return await super().ask(questions)


async def written(client: Client, kind: str) -> None:
    status = {"objectRefs": [{"apiVersion": "apiextensions.crossplane.io/v1", "kind": kind, "name": "a"}]}
    await client.patch(REVISIONS, REVISION, {"status": status}, subresource="status", kind=Patch.MERGE)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with EmbeddedCluster("releasing", tmp_path) as running:
        yield running


@pytest.fixture
async def client(server: Cluster) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(server.kubeconfig) as opened:
        for each in crossplanekinds.crds():
            await opened.apply(manifests.CRDS, each, manager="tests")
        made: dict[str, Any] = {"apiVersion": "pkg.crossplane.io/v1", "kind": "Configuration"}
        made |= {"metadata": {"name": "one"}, "spec": {"package": "r.example.org/one:v1.0.0"}}
        await opened.apply(CONFIGURATIONS, made, manager="tests")
        status = {"status": {"currentRevision": REVISION}}
        await opened.patch(CONFIGURATIONS, "one", status, subresource="status", kind=Patch.MERGE)
        revision = made | {"kind": "ConfigurationRevision", "metadata": {"name": REVISION}}
        spec = {"image": "r.example.org/one:v1.0.0", "revision": 1, "desiredState": "Active"}
        await opened.apply(REVISIONS, revision | {"spec": spec}, manager="tests")
        await written(opened, "")
        yield opened


async def test_what_crossplane_did_meanwhile_is_no_reason_to_ask_again(server: Cluster, client: Client) -> None:
    named = NamedServer("one", catalog=("crossplane",))
    offer = offering.combined(catalog.chosen(named.catalog, catalog.toolsets()))
    person = Meanwhile(client)
    wanted = {"kind": "configuration", "name": "one", "version": "v1.1.0", "wait_seconds": 0}
    async with Targets((Target("here", kubeconfig=str(server.kubeconfig)),), reads_only=False) as targets:
        outcome = await Gate(named, offer, targets).call(STDIO, "upgrade_package", wanted, person)
    assert not outcome.failed, outcome.answer.text
    assert f"{REVISION} is reconciled first" in person.asked[0]
    found = await client.get(CONFIGURATIONS, "one")
    assert found["spec"]["package"] == "r.example.org/one:v1.1.0"
