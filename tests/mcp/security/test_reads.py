"""Groups 3 and 4: what a read-only server sends to a cluster whatever it is asked, and what it never shows.

Tools are taken from the catalog, so that those that are added are held to it as well.
"""

import asyncio
import io
import json
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import pytest

from fairlead.mcp.callers import STDIO
from fairlead.mcp.conversing import Nobody
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog
from fairlead.mcp.named.servers import Limits, NamedServer, Target
from fairlead.mcp.operating import running
from fairlead.mcp.tools import Parameter, Tool, ToolClass
from tests.mcp.changing import Person
from tests.mcp.security.fakeapi import CANARY, FakeAPI

pytestmark = pytest.mark.anyio

# What arguments are made of: what tools expect, and what they must not be led astray by.
WORDS = (
    *("web", "shop", "pods", "secrets", "Deployment", "nodes", "configmaps", "events", "databases.example.org", "v1"),
    *("default", "", "../../secrets/web", "web/exec", "web/../../../secrets", "a/b", "%2e%2e%2fsecrets", "..", "?x=1"),
    *("web\r\nX-Evil: 1", "\x00", "*", "https://evil.example", "{}", "a=b", "x" * 300, "metadata.name", "proxy", "log"),
)
_MANIFEST = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "shop"}})
PLAIN: dict[str, Any] = {
    "name": "web",
    "namespace": "shop",
    "kind": "Secret",
    "resource": _MANIFEST,
    "manifest": _MANIFEST,
    "context": "",
    "words": "pod",
}
REVIEWS = ("/apis/authorization.k8s.io/v1/selfsubject", "/apis/authentication.k8s.io/v1/selfsubjectreviews")


@asynccontextmanager
async def reader(
    folder: Path, *, classes: tuple[ToolClass, ...] = (ToolClass.READ,), log: Any = None
) -> AsyncIterator[Any]:
    toolsets = catalog.toolsets()
    allowed = [each.name for toolset in toolsets.values() for each in toolset.tools if each.tool_class in classes]
    async with FakeAPI().served() as api:
        server = NamedServer(
            "one",
            catalog=tuple(toolsets),
            allow=tuple(allowed),
            targets=(Target("here", kubeconfig=api.kubeconfig(folder)),),
            timeout_seconds=5,
            limits=Limits(1_000_000, 1_000_000, 1_000_000),
        )
        async with running.opened({"one": server}, STDIO, log) as opened:
            yield api, opened["one"].gate


def value(parameter: Parameter, dice: random.Random) -> Any:
    if parameter.choices:
        return dice.choice(parameter.choices)
    if parameter.type == "boolean":
        return dice.random() < 0.5
    if parameter.type == "integer":
        low = parameter.minimum or 0
        # long waits are another test's subject
        return low if "seconds" in parameter.name else dice.randint(low, min(parameter.maximum or 100, low + 100))
    if parameter.type == "array":
        return [dice.choice(WORDS) for _ in range(dice.randint(0, 3))]
    sensible = PLAIN.get(parameter.name)
    return sensible if sensible is not None and dice.random() < 0.4 else dice.choice(WORDS)


def given(tool: Tool, dice: random.Random) -> dict[str, Any]:
    return {each.name: value(each, dice) for each in tool.parameters if each.required or dice.random() < 0.5}


@pytest.mark.requirement("mcp-policy:only-reads")
async def test_whatever_it_is_asked_a_read_only_server_only_reads(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    with anyio.fail_after(300):
        async with reader(tmp_path) as (api, gate):
            assert gate.clusters.reads_only
            for _ in range(8):
                calls = [gate.call(STDIO, each.name, given(each, dice), Nobody()) for each in gate.tools(STDIO)]
                await asyncio.gather(*calls)
    assert len(api.asked) > 100, "the tools have asked nothing, so this has shown nothing"
    for each in api.asked:
        assert each.method in ("GET", "HEAD") or each.path.startswith(REVIEWS), (seed, each)
        assert "upgrade" not in each.headers, (seed, each)
        assert "x-evil" not in each.headers, (seed, each)
        steps = each.path.partition("?")[0].split("/")
        assert not {".", ".."} & set(steps), (seed, each)
        if "proxy" in steps[5:]:  # the kubelet's own documents, by fixed path alone
            assert steps[1:4] == ["api", "v1", "nodes"], (seed, each)
            assert steps[5] == "proxy", (seed, each)
            assert steps[6] in ("logs", "stats"), (seed, each)
        else:
            assert not {"exec", "attach", "portforward"} & set(steps[6:]), (seed, each)


@pytest.mark.requirement("mcp-policy:only-reads")
async def test_a_name_stays_one_step_of_the_path(tmp_path: Path) -> None:
    """CVE-2026-32871: `../` in an argument led to other objects."""
    async with reader(tmp_path) as (api, gate):
        for name in ("../secrets/web", "web/../../secrets/web", "web?watch=1", "web#x", "%2e%2e/secrets", "a\\..\\b"):
            api.asked.clear()
            for space in ("shop", f"../{name}"):
                await gate.call(STDIO, "resources_get", {"kind": "pods", "name": name, "namespace": space})
            for each in api.asked:
                steps = each.path.partition("?")[0].split("/")
                if steps[1:3] == ["api", "v1"]:
                    assert [steps[3], steps[5], len(steps)] == ["namespaces", "pods", 7]
                    assert unquote(steps[6]) == name


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.setLevel(before)
    root.removeHandler(handler)


def ways(tool: Tool) -> Iterator[dict[str, Any]]:
    """Sensible arguments, in every form of output and for several kinds."""
    base = {
        each.name: PLAIN.get(each.name, "web" if each.type == "string" else each.minimum or 1)
        for each in tool.parameters
        if each.required
    }
    known = {each.name: each for each in tool.parameters}
    kinds = (
        ("Secret", "pods", "ConfigMap", "deployments", "events", "databases.example.org") if "kind" in known else ("",)
    )
    for kind in kinds:
        for output in known["output"].choices if "output" in known else ("",):
            found = base | ({"kind": kind} if kind else {}) | ({"output": output} if output else {})
            yield found | ({"namespace": "shop"} if "namespace" in known and kind != "nodes" else {})
    for name, extra in (("fields", ["data", "spec", "metadata.annotations", "status", "message"]), ("dry_run", True)):
        if name in known:
            yield base | {name: extra} | ({"namespace": "shop"} if "namespace" in known else {})


async def said(gate: Gate, tool: Tool) -> str:
    """Questions to a person included."""
    texts: list[str] = []
    for each in ways(tool):
        person = Person()
        outcome = await gate.call(STDIO, tool.name, each, person if len(texts) % 2 else Nobody())
        texts += person.asked
        texts.append(outcome.answer.text + json.dumps(outcome.answer.structured, default=str))
    return "\n".join(texts)


@pytest.mark.requirement("mcp-policy:canary")
@pytest.mark.parametrize("status", [200, 403, 500])
async def test_the_canary_never_sings(tmp_path: Path, logged: io.StringIO, status: int) -> None:
    """Every tool in every way, of servers that read and that write, on answers and on errors of the API."""
    audit = io.BytesIO()
    shown: dict[str, str] = {}
    with anyio.fail_after(300):
        async with reader(tmp_path, classes=tuple(ToolClass), log=audit) as (api, gate):
            api.status = status
            for tool in gate.tools(STDIO):
                shown[tool.name] = await said(gate, tool)
    leaks = sorted(name for name, text in shown.items() if CANARY in text)
    assert leaks == []
    assert CANARY not in logged.getvalue()
    assert CANARY.encode() not in audit.getvalue()
    assert audit.getvalue().count(b"\n") > len(shown)
    if status == 200:
        redacted = [name for name, text in shown.items() if "redacted by fairlead" in text]
        assert {"resources_get", "pods_log"} <= set(redacted), "nothing was redacted, so this has shown nothing"
