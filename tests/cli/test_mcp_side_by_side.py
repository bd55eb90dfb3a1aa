"""Two servers for one application, in one process: reports are read, automation writes, and both change meanwhile."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import mcp.types as types
import pytest
from mcp import Client, MCPError

from fairlead.cli.main import run
from fairlead.client.targets import Cluster
from testenv import building
from tests.clusters import Pair
from tests.e2e.world import await_line, free_port

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-servers:side-by-side")]

DEADLINE = 120
BOTH = pytest.mark.parametrize("mode", ["auto", "legacy"])


@dataclass
class Site:
    folder: Path
    environment: dict[str, str]
    base: str = ""

    def fairlead(self, *arguments: str) -> None:
        assert run(["mcp", *arguments, "--servers", str(self.folder / "servers")]) == 0

    def url(self, name: str) -> str:
        return f"{self.base}/s/{name}/mcp"


@contextmanager
def serving(folder: Path, cluster: Cluster) -> Iterator[Site]:
    """Made and served as a person would."""
    site = Site(folder, os.environ | {"KUBECONFIG": str(cluster.kubeconfig)})
    site.fairlead("server", "create", "reports", "--catalog", "core-readonly", "--description", "For reports.")
    site.fairlead("server", "create", "automation", "--catalog", "core", "--deny", "resources_scale")
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--port", str(free_port())]
    command += ["--servers", str(folder / "servers"), "--audit-log", str(folder / "audit")]
    with (folder / "log").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=site.environment)
    try:
        site.base = await_line(process, "ready", folder / "log").split()[1].partition("/s/")[0]
        yield site
    finally:
        process.terminate()
        process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()


def client(url: str, mode: str) -> Client:
    """Of somebody who says yes."""

    async def agreed(context: Any, parameters: Any) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"confirm": True})

    callbacks: dict[str, Any] = {"elicitation_callback": agreed}
    return Client(url, mode=mode, **callbacks)


def text(result: Any) -> str:
    return str(result.content[0].text)


async def listed(client: Client) -> set[str]:
    return {each.name for each in (await client.list_tools(cache_mode="bypass")).tools}


async def until_listed(client: Client, name: str, *, there: bool) -> None:
    while (name in await listed(client)) is not there:  # noqa: ASYNC110 - the server is asked, nobody tells
        await anyio.sleep(0.1)


@BOTH
async def test_reports_read_what_automation_writes(
    pair: Pair, unique: Callable[[str], str], tmp_path: Path, mode: str
) -> None:
    name = unique("side")
    map_named = {"kind": "ConfigMap", "namespace": "default", "name": name}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
    with anyio.fail_after(DEADLINE), serving(tmp_path, pair.app) as site:
        async with client(site.url("reports"), mode) as reports, client(site.url("automation"), mode) as automation:
            assert {"resources_create_or_update", "resources_delete"} <= await listed(automation)
            assert not {"resources_create_or_update", "resources_delete", "changes_confirm"} & await listed(reports)
            made = await automation.call_tool(
                "resources_create_or_update", {"resource": json.dumps(manifest | {"data": {"a": "b"}})}
            )
            assert not made.is_error, text(made)
            assert name in text(await reports.call_tool("resources_get", map_named))
            with pytest.raises(MCPError, match="unknown tool: resources_delete"):
                await reports.call_tool("resources_delete", map_named)
            gone = await automation.call_tool("resources_delete", map_named)
            assert not gone.is_error, text(gone)
            assert (await reports.call_tool("resources_get", map_named)).is_error
            await _changed_meanwhile(site, reports, automation)
    lines = [json.loads(each) for each in (tmp_path / "audit").read_text(encoding="utf-8").splitlines()]
    assert {"reports", "automation"} == {each["server"] for each in lines}


async def _changed_meanwhile(site: Site, reports: Client, automation: Client) -> None:
    """By the command line, under clients that stay connected."""
    site.fairlead("server", "edit", "automation", "--set", "tools.deny=resources_delete")
    await until_listed(automation, "resources_delete", there=False)
    await until_listed(automation, "resources_scale", there=True)
    with pytest.raises(MCPError, match="unknown tool: resources_delete"):
        await automation.call_tool("resources_delete", {"kind": "ConfigMap", "name": "a", "namespace": "default"})
    site.fairlead("server", "delete", "automation", "-y")
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.post(site.url("automation"), json={}) as answer:
                if answer.status == 404:
                    break
            await anyio.sleep(0.1)
    assert "pods_list" in await listed(reports)


@pytest.mark.real
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_another_client_tells_them_apart(real_pair: Pair, tmp_path: Path, era: str) -> None:
    path = building.binary("mcp-inspector")
    assert path is not None
    environment = os.environ | {"PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}"}
    with serving(tmp_path, real_pair.app) as site:
        found = {}
        for name in ("reports", "automation"):
            command = [str(path), "--cli", site.url(name), "--transport", "http", "--protocol-era", era]
            command += ["--format", "json", "--method", "tools/list"]
            done = await anyio.run_process(command, env=environment, check=False)
            assert done.returncode == 0, done.stderr
            found[name] = done.stdout.decode()
    assert "pods_list" in found["reports"]
    assert "resources_delete" not in found["reports"]
    assert "resources_delete" in found["automation"]
