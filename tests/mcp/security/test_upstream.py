"""Group 10: a cluster that dies, hangs, lies or never stops talking harms nobody else."""

import asyncio
import resource
from pathlib import Path

import anyio
import pytest

from fairlead.mcp.callers import STDIO
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.operating import running
from tests.mcp.security.fakeapi import FakeAPI

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:upstream")]


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("dies", "was lost during the GET"),
        ("hangs", "was not done within 2 s: nothing was changed; ask for less"),
        ("lies", ""),
        ("huge", "answered more than 16 MiB"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_trouble_stays_where_it_is(tmp_path: Path, trouble: str, says: str) -> None:
    folders = [tmp_path / each for each in ("bad", "good")]
    for folder in folders:
        folder.mkdir()
    with anyio.fail_after(120):
        async with FakeAPI(trouble=trouble).served() as bad, FakeAPI().served() as good:
            targets = (
                Target("bad", kubeconfig=bad.kubeconfig(folders[0])),
                Target("good", kubeconfig=good.kubeconfig(folders[1])),
            )
            server = NamedServer("one", targets=targets, timeout_seconds=2)
            async with running.opened({"one": server}, STDIO) as opened:
                gate = opened["one"].gate
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                calls = [
                    gate.call(STDIO, "resources_list", {"kind": kind, "context": where, "namespace": "shop"})
                    for where in ("bad", "good")
                    for kind in ("pods", "configmaps", "deployments")
                ]
                said = await asyncio.gather(*calls)
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
                assert all("web" in each.answer.text for each in said[3:])
                assert not any(each.failed for each in said[3:])
                for each in said[:3]:
                    assert says in each.answer.text, each
                    assert "Traceback" not in each.answer.text
                    assert each.failed or trouble == "lies"
                again = await gate.call(
                    STDIO, "resources_list", {"kind": "pods", "context": "good", "namespace": "shop"}
                )
                assert not again.failed
                assert trouble != "huge" or grown < 200, f"{grown} MiB for answers that were not read"
