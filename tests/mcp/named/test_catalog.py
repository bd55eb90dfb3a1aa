"""Toolsets of other packages, as they are installed: found by their entry point, good ones and broken ones."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fairlead.mcp.callers import TERMINAL
from fairlead.mcp.named import catalog
from fairlead.mcp.named.catalog import BrokenToolsetError, CatalogError
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating import running
from fairlead.mcp.tools import Preset, ToolClass, Toolset
from tests.mcp.fakes import tool

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[3] / "docs" / "mcp-servers.md").read_text(encoding="utf-8")
MODULE = PAGE.partition("```python\n")[2].partition("```\n")[0]
"""The toolset of somebody else that the documentation shows."""


def install(site: Path, package: str, points: Mapping[str, str], module: str = "") -> None:
    """As an installer leaves a package behind."""
    folder = site / f"{package}-1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n", encoding="utf-8")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (folder / "entry_points.txt").write_text(f"[fairlead.toolsets]\n{lines}", encoding="utf-8")
    if module:
        (site / f"{package}.py").write_text(module, encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where packages are looked for, beside those that are installed."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.requirement("mcp-servers:third-party")
async def test_another_packages_toolset_is_served_like_ours(site: Path) -> None:
    install(site, "greetings_of_theirs", {"greetings": "greetings_of_theirs:TOOLSET"}, MODULE)
    available = catalog.toolsets()
    assert {"core", "greetings"} <= set(available)
    server = NamedServer("a", catalog=("core-readonly", "greeter"), timeout_said=False)
    async with running.opened({"a": server}, TERMINAL) as servers:
        gate = servers["a"].gate
        assert {"people_greet", "pods_list"} <= {each.name for each in gate.tools(TERMINAL)}
        assert (await gate.call(TERMINAL, "people_greet", {"name": "Ada"})).answer.text == "Hello, Ada, from default."
        assert gate.server.timeout_seconds == 60


@pytest.mark.requirement("mcp-servers:third-party")
async def test_a_broken_toolset_stops_only_those_that_are_made_of_it(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(site, "falls_over", {"falls": "falls_over:TOOLSET", "lacks": "falls_over:NONE"}, "raise OSError('gone')")
    available = catalog.toolsets()
    assert "core" in {each.name for each in catalog.usable(available)[0]}
    with pytest.raises(BrokenToolsetError, match="the toolset falls cannot be loaded: OSError: gone"):
        catalog.chosen(("core", "falls"), available)
    good, bad = NamedServer("good"), NamedServer("bad", catalog=("core", "falls"))
    async with running.opened({"good": good, "bad": bad}, TERMINAL) as servers:
        assert set(servers) == {"good"}
        assert "the toolset falls cannot be loaded" in servers.fault
        servers.take({"good": NamedServer("good", "Changed."), "bad": good})
        assert (set(servers), servers.fault) == ({"good", "bad"}, "")
        servers.take({"good": good, "bad": bad})
        assert set(servers) == {"good", "bad"}
        assert servers.servers["bad"].catalog == good.catalog
    assert "the server bad stays as it was" in caplog.text
    with pytest.raises(CatalogError, match="the toolset falls cannot be loaded"):
        async with running.opened({"bad": bad}, TERMINAL):
            pass


@pytest.mark.requirement("mcp-servers:third-party")
@pytest.mark.parametrize(
    ("points", "says"),
    [
        ({"core": "greetings_of_theirs:TOOLSET"}, "several packages offer it: fairlead, greetings_of_theirs"),
        ({"other": "greetings_of_theirs:TOOLSET"}, "is no toolset of that name"),
        ({"other": "greetings_of_theirs:GREET"}, "is no toolset of that name"),
        ({"other": "greetings_of_theirs:ABSENT"}, "has no attribute 'ABSENT'"),
    ],
)
def test_what_is_no_toolset_or_passes_for_another_is_refused(site: Path, points: Mapping[str, str], says: str) -> None:
    sys.modules.pop("greetings_of_theirs", None)
    install(site, "greetings_of_theirs", points, MODULE)
    with pytest.raises(BrokenToolsetError, match=says):
        catalog.chosen(points, catalog.toolsets())


@pytest.mark.requirement("mcp-servers:third-party")
def test_a_preset_of_a_broken_toolset_says_why_it_is_not_there(site: Path) -> None:
    install(site, "falls_over", {"falls": "falls_over:TOOLSET"}, "import absent_from_here")
    with pytest.raises(
        BrokenToolsetError, match="there is no toolset 'faller': the toolset falls cannot be loaded: Mod"
    ):
        catalog.chosen(("faller",), catalog.toolsets())


@pytest.mark.requirement("mcp-servers:third-party")
def test_an_installed_package_at_the_command_line(tmp_path: Path) -> None:
    install(tmp_path, "greetings_of_theirs", {"greetings": "greetings_of_theirs:TOOLSET"}, MODULE)
    install(tmp_path, "falls_over", {"falls": "falls_over:TOOLSET"}, "raise OSError('gone')")
    (tmp_path / "servers").mkdir()
    (tmp_path / "servers" / "a.yaml").write_text("name: a\ncatalog: [greetings]\n", encoding="utf-8")

    def fairlead(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "fairlead", "mcp", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert fairlead("call", "people_greet", "name=Ada", "--servers", str(tmp_path / "servers")).startswith("Hello, Ada")
    assert "greeter" in fairlead("server", "catalog", "greet")


@pytest.mark.requirement("mcp:catalog")
def test_presets_let_through_what_they_name() -> None:
    tools = (tool("a_list"), tool("a_get"), tool("a_delete", tool_class=ToolClass.DELETE))
    ready = (
        Preset("lists", "Lists.", ("some",), tools=("*_list",)),
        Preset("reads", "Reads.", ("some",), classes=(ToolClass.READ,), timeout_seconds=60),
    )
    available = {"some": Toolset("some", "Some.", tools, presets=ready)}
    found = {name: {each.name for each in catalog.chosen((name,), available)[0].tools} for name in ("lists", "reads")}
    assert found == {"lists": {"a_list"}, "reads": {"a_list", "a_get"}}
    both = catalog.chosen(("lists", "reads"), available)
    assert [len(each.tools) for each in both] == [2]
    assert [catalog.timeout(names, available) for names in (("some",), ("lists",), ("lists", "reads"))] == [0, 30, 60]
