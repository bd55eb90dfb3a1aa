"""Several clusters in one read, of which one may be down."""

import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import STDIO
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.toolsets.core import TOOLSET
from tests.clusters import Pair

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-core-reads:several-clusters")]
CONFIG_MAPS = Resource("", "v1", "configmaps")


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Path]:
    """The kubeconfig of a server that is not there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        found = {
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": f"http://127.0.0.1:{held.getsockname()[1]}"}}],
            "contexts": [{"name": "x", "context": {"cluster": "x"}}],
        }
        path = tmp_path / "nobody"
        path.write_text(json.dumps(found), encoding="utf-8")
        yield path


@pytest.fixture
async def gate(pair: Pair, nobody: Path) -> AsyncIterator[Gate]:
    reached = (
        Target("app", kubeconfig=str(pair.app.kubeconfig)),
        Target("plane", kubeconfig=str(pair.control_plane.kubeconfig)),
        Target("down", kubeconfig=str(nobody)),
    )
    async with Targets(reached) as targets:
        yield Gate(NamedServer("one"), offering.combined([TOOLSET]), targets)


@pytest.fixture
async def label(pair: Pair, unique: Callable[[str], str]) -> str:
    """Five in one cluster, two in the other."""
    name = unique("spread")
    for cluster, count in ((pair.app, 5), (pair.control_plane, 2)):
        async with cluster.open() as client:
            await fill(client, name, count)
    return name


async def fill(client: Client, name: str, count: int) -> None:
    for index in range(count):
        metadata = {"name": f"{name}-{index}", "labels": {"set": name}}
        await client.create(CONFIG_MAPS, {"metadata": metadata, "data": {"a": str(index)}}, "default")


async def said(gate: Gate, **arguments: Any) -> str:
    outcome = await gate.call(STDIO, "resources_list", {"kind": "cm", "namespace": "default", **arguments})
    assert not outcome.failed, outcome.answer.text
    return outcome.answer.text


async def test_rows_name_their_cluster_and_a_failure_is_said(gate: Gate, label: str) -> None:
    shown = await said(gate, context="*", label_selector=f"set={label}")
    assert re.search(r"^CLUSTER +NAME", shown, re.MULTILINE)
    assert len(re.findall(rf"^app +{label}-", shown, re.MULTILINE)) == 5
    assert len(re.findall(rf"^plane +{label}-", shown, re.MULTILINE)) == 2
    assert "7 in all of 2 clusters" in shown
    assert "down failed, nothing of it is shown: cannot reach http://127.0.0.1" in shown


async def test_pages_go_across_and_show_each_row_once(gate: Gate, label: str) -> None:
    seen: list[tuple[str, ...]] = []
    cursor = ""
    for _ in range(10):
        page = await said(gate, context="app,plane", label_selector=f"set={label}", limit=3, cursor=cursor)
        rows = re.findall(rf"^(app|plane) +({label}-\d)", page, re.MULTILINE)
        assert 0 < len(rows) <= 3
        seen += rows
        more = re.search(r"cursor=(\S+)", page)
        if more is None:
            break
        cursor = more[1]
    assert len(seen) == len(set(seen)) == 7


async def test_more_clusters_than_rows(gate: Gate, label: str) -> None:
    page = await said(gate, context="app,plane", label_selector=f"set={label}", limit=1)
    assert label in page
    cursor = re.search(r"cursor=(\S+)", page)
    assert cursor is not None
    assert label in await said(gate, context="app,plane", label_selector=f"set={label}", limit=1, cursor=cursor[1])


async def test_every_form_keeps_the_clusters_apart(gate: Gate, label: str) -> None:
    asked = {"context": "app,plane", "label_selector": f"set={label}"}
    assert f"plane: {label}-1" in await said(gate, **asked, output="names")
    as_json = json.loads((await said(gate, **asked, output="json")).splitlines()[1])
    assert [len(as_json[each]) for each in ("app", "plane")] == [5, 2]
    assert re.search(rf"plane +{label}-1 +1", await said(gate, **asked, fields=["data.a"]))
    assert "name: " in await said(gate, **asked, output="yaml")


async def test_wrong_contexts_and_cursors_say_what_to_do(gate: Gate) -> None:
    for arguments, next_step in (
        ({"context": "app,elsewhere"}, "there are: app, plane, down"),
        ({"context": "*", "cursor": "abc"}, "begin the list again without it"),
        ({"context": "down"}, "check the address"),
    ):
        outcome = await gate.call(STDIO, "resources_list", {"kind": "cm", **arguments})
        assert outcome.failed
        assert next_step in outcome.answer.text
