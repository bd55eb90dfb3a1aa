"""On servers in production mode a person approves, over the server's address or over a socket of their own."""

import asyncio
import io
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from starlette.applications import Starlette

from fairlead.cli.main import run
from fairlead.machinery.paths import Resource
from fairlead.mcp.deciding import approvers, approving
from fairlead.mcp.deciding.approving import ApprovalError
from fairlead.mcp.named.servers import NamedServer
from fairlead.serving import listening
from tests.clusters import Pair
from tests.mcp.changing import ME, YOU, Person, World, gate, handle, lines

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:approval")]
NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
PRODUCTION = NamedServer("one", production=True)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


async def planned(tried: Any) -> dict[str, str]:
    outcome = await tried.call(ME, "things_delete", {"name": "a"})
    assert "a person has to approve it, by `fairlead mcp approve " in outcome.answer.text
    return handle(outcome.answer.text)


async def test_a_models_word_is_not_enough_and_a_persons_is_once() -> None:
    world, log = World(), io.BytesIO()
    tried = gate(world, PRODUCTION, log=log)
    given = await planned(tried)
    early = await tried.call(ME, "changes_confirm", given)
    assert "nobody has approved it yet" in early.answer.text
    assert not world.done
    (waiting,) = await tried.confirming.handles.waiting()
    await tried.confirming.decide(YOU, waiting.id, yes=True)
    assert await tried.confirming.handles.waiting() == []
    assert (await tried.call(YOU, "changes_confirm", given)).failed
    assert not (await tried.call(ME, "changes_confirm", given)).failed
    assert (await tried.call(ME, "changes_confirm", given)).failed
    assert world.done == ["things_delete a"]
    approved = next(each for each in lines(log) if each["rule"] == "approval")
    assert (approved["principal"], approved["result"], approved["confirmation"]) == ("you", "approved", waiting.id)


async def test_a_refusal_is_for_good_and_a_form_needs_no_second_person() -> None:
    world = World()
    tried = gate(world, PRODUCTION)
    given = await planned(tried)
    (waiting,) = await tried.confirming.handles.waiting()
    await tried.confirming.decide(YOU, waiting.id, yes=False)
    assert "no such plan of yours" in (await tried.call(ME, "changes_confirm", given)).answer.text
    assert not (await tried.call(ME, "things_delete", {"name": "b"}, Person())).failed
    assert world.done == ["things_delete b"]


@asynccontextmanager
async def by_address(tried: Any) -> AsyncIterator[str]:
    application = Starlette(routes=[approving.route({"one": tried})])
    async with listening.listen_application(application) as listener:
        yield f"{listener.url}/s/one/mcp"


@pytest.mark.parametrize("way", ["address", "socket"])
async def test_both_ways(way: str, runtime: Path) -> None:
    world = World()
    tried = gate(world, PRODUCTION)
    with anyio.fail_after(60):
        async with by_address(tried) as url, approving.listening(tried) as path:
            assert path is not None
            approver = approvers.ByAddress(url) if way == "address" else approvers.BySocket(path)
            assert await approvers.waiting(approver) == []
            given = await planned(tried)
            (plan,) = await approvers.waiting(approver)
            assert (plan.plan, plan.who, plan.diff) == (given["plan"], "me", "- image: a\n+ image: b")
            assert given["handle"] not in repr(plan)
            await approvers.decide(approver, plan, yes=True)
            with pytest.raises(ApprovalError):
                await approver.ask({"id": "0" * 12, "approve": True})
            for nonsense in ({"id": "../x"}, {"id": plan.id, "approve": "yes"}, {"what": 1}):
                with pytest.raises(ApprovalError):
                    await approver.ask(nonsense)
            assert not (await tried.call(ME, "changes_confirm", given)).failed
    assert world.done == ["things_delete a"]


async def test_the_socket_is_for_its_user_alone(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = gate(World(), PRODUCTION)
    async with approving.listening(tried) as path:
        assert path is not None
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        uid = os.getuid()
        monkeypatch.setattr(approving, "_user", lambda connected: uid + 1)
        with pytest.raises(ApprovalError, match="only the user who runs the server approves"):
            await approvers.BySocket(path).ask({})
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"x" * 200_000)  # never a line: it is cut off
        assert await reader.read() == b""
        writer.close()
    assert not path.exists()
    path.parent.chmod(0o755)
    with pytest.raises(ApprovalError, match="not this user's alone"):
        async with approving.listening(tried):
            pass
    async with approving.listening(gate(World())) as none:
        assert none is None


def test_at_a_terminal(runtime: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, says in (
        (["approve"], "no server of yours runs on a pipe"),
        (["approve", "--url", "https://x/elsewhere"], "is no server's address"),
        (
            ["approve", "--url", "http://example.org/s/one", "--token-file", "/x"],
            "the token would be sent in the clear",
        ),
        (["approve", "--socket", str(runtime / "none.sock")], "nobody answers on"),
        (["approve", "--url", "https://a.example/s/one", "--certificate-authority", "/none"], "cannot read /none"),
        (["approve", "--url", "http://127.0.0.1:1/s/one", "--token-file", "/none"], "/none"),
        (["approve", "--url", "http://127.0.0.1:1/s/one"], "cannot reach http://127.0.0.1:1"),
        (["approve", "--url", "http://127.0.0.1:1/s/one", "--socket", "/none"], "give either --url or --socket"),
    ):
        assert run(["mcp", *arguments]) == 1
        refused = capsys.readouterr().err
        assert says in refused
        assert len(refused.splitlines()) == 1


async def test_a_person_reads_the_plan_and_approves_it(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    tried = gate(world, PRODUCTION)
    with anyio.fail_after(60):
        async with approving.listening(tried):
            given = await planned(tried)
            assert await asyncio.to_thread(run, ["mcp", "approve"]) == 0
            listed = capsys.readouterr().out
            assert "things_delete a in namespace shop  (me, things_delete on one, " in listed
            assert await asyncio.to_thread(run, ["mcp", "approve", listed.split()[0], "--yes"]) == 0
            shown = capsys.readouterr().out
            assert "+ image: b" in shown
            assert shown.endswith("approved: the agent may carry it out once\n")
            assert await asyncio.to_thread(run, ["mcp", "approve", listed.split()[0], "--yes"]) == 1
            assert not (await tried.call(ME, "changes_confirm", given)).failed
    assert world.done == ["things_delete a"]


async def test_the_whole_way_with_processes(embedded_pair: Pair, runtime: Path) -> None:
    """An agent's server on a pipe, in production mode, and a person at another terminal."""
    servers, log = runtime / "servers", runtime / "audit.log"
    servers.mkdir()
    (servers / "a.yaml").write_text("name: a\ncatalog: [core]\nproduction: true\n", encoding="utf-8")
    environment = {"KUBECONFIG": str(embedded_pair.app.kubeconfig), "XDG_RUNTIME_DIR": str(runtime)}
    command = [sys.executable, "-m", "fairlead", "mcp"]
    serve = [*command[1:], "serve", "--stdio", "--servers", str(servers), "--audit-log", str(log)]
    name = {"kind": "namespace", "name": "to-be-approved"}
    async with embedded_pair.app.open() as client:
        await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name["name"]}})
    with anyio.fail_after(120):
        server = StdioServerParameters(command=sys.executable, args=serve, env=environment)
        async with Client(stdio_client(server)) as connected:
            planned = (await connected.call_tool("resources_delete", name)).content[0].text  # type: ignore[union-attr]
            plan_id = planned.partition("fairlead mcp approve ")[2].partition("`")[0]
            early = await connected.call_tool("changes_confirm", handle(planned))
            assert early.is_error
            approved = await anyio.run_process(
                [*command, "approve", plan_id, "--yes"], env=os.environ | environment, check=False
            )
            assert approved.returncode == 0, approved.stderr
            assert b"approved: the agent may carry it out once" in approved.stdout
            done = await connected.call_tool("changes_confirm", handle(planned))
            assert not done.is_error, done
    results = [json.loads(each).get("result", "intent") for each in log.read_bytes().splitlines()]
    assert results == ["planned", "unapproved", "approved", "intent", "ok"]
    assert list((runtime / "fairlead").iterdir()) == []


async def test_production_mode_is_asked_for_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nproduction: true\n", encoding="utf-8")
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--stdio", "--servers", str(tmp_path)]
    done = await anyio.run_process(command, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "fairlead: the server a cannot be in production mode: no call would be written down; give --audit-log FILE"
    ]
