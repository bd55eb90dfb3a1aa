"""What has gone wrong elsewhere (reference/mcp-and-gateways.md §5.3), where no other group shows that it cannot here.

The others: a list that only listing knew (CVE-2026-46519) in `test_wire` and `test_registry`; replies to the wrong
client (CVE-2026-25536), routes without authentication (CVE-2026-33032, Kong) in `test_principals`; `../` in a path
(CVE-2026-32871) in `test_reads`; sessions of others (CVE-2026-52869) and hosts (CVE-2025-66416) in `test_guarding`;
fetching what a token or a document names (CVE-2026-45609, CVE-2026-26118) in tests/identity.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import fairlead
from fairlead.mcp.deciding import handles
from fairlead.mcp.deciding.keeping import MemoryStore
from fairlead.mcp.deciding.sealing import Seals
from tests.mcp.changing import ME, World, gate, handle

pytestmark = pytest.mark.requirement("mcp-policy:lessons")
SOURCES = Path(fairlead.__file__).parent
_STARTS = {"subprocess", "pty", "multiprocessing"}
# What starts our own workers, and what never sees an argument of a call.
_OURS = {"workers.py"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_nothing_that_a_model_says_becomes_a_command() -> None:
    """CVE-2025-53355, CVE-2025-66404: arguments were put into a shell."""
    files = [
        *(SOURCES / "mcp").rglob("*.py"),
        *(SOURCES / "resources").rglob("*.py"),
        *(SOURCES / "crossplane").rglob("*.py"),
    ]
    assert len(files) > 50
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert path.name in _OURS or not _STARTS & set(imported(tree)), path
        forbidden = {
            "os.system",
            "os.popen",
            "eval",
            "exec",
            "asyncio.create_subprocess_shell",
            "asyncio.create_subprocess_exec",
        }
        assert not forbidden & set(called(tree)), path


def test_no_key_is_there_by_default() -> None:
    """GHSA-g53w-w6mj-hrpp: one key was in every copy."""
    assert Seals().keys("plan") != Seals().keys("plan")
    assert Seals(b"a" * 32).keys("plan") != Seals(b"a" * 32).keys("request-state")


@pytest.mark.anyio
async def test_what_a_cluster_says_is_no_argument_of_ours() -> None:
    """CVE-2026-55887: a label became an option. A plan's words are shown and compared, never read."""
    world = World()
    tried = gate(world)
    planned = await tried.call(ME, "things_delete", {"name": "a plan=x\nhandle=y", "removes": True})
    given = handle(planned.answer.text.replace("a plan=x handle=y", "NAME"))
    pending = await handles.Handles("one", tried.shared.store, tried.shared.seals).find(given["handle"])
    assert pending is not None
    assert pending.arguments["name"] == "a plan=x\nhandle=y"
    assert isinstance(tried.shared.store, MemoryStore)
    said = await tried.call(ME, "changes_confirm", {"handle": given["handle"], "plan": pending.summary})
    assert (said.failed, world.done) == (False, ["things_delete a plan=x\nhandle=y"])
