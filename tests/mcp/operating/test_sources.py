"""Where servers come from, and how a directory that changes is followed."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from fairlead.mcp.background import background
from fairlead.mcp.callers import STDIO
from fairlead.mcp.named import catalog
from fairlead.mcp.named.serverkeys import ServerFileError
from fairlead.mcp.operating.registry import Registry, Shared
from fairlead.mcp.operating.sources import DEFAULT, Source, SourceError, follow
from fairlead.mcp.operating.watching import changes

pytestmark = pytest.mark.anyio

DEADLINE = 30
QUICK = 0.01


@pytest.mark.requirement("mcp-servers:default-directory")
async def test_the_users_own_directory_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    source = Source()
    assert source.where == tmp_path / "fairlead" / "mcp" / "servers"
    assert source.first(source.read()) == {"default": DEFAULT}
    source.where.mkdir(parents=True)
    assert source.first(source.read()) == {"default": DEFAULT}
    (source.where / "a.yaml").write_text("name: a", encoding="utf-8")
    assert list(source.first(source.read())) == ["a"]
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Source().where == tmp_path / ".config" / "fairlead" / "mcp" / "servers"


@pytest.mark.requirement("mcp-servers:default-directory")
async def test_a_directory_that_was_named_has_servers_at_the_start(tmp_path: Path) -> None:
    source = Source(tmp_path)
    with pytest.raises(SourceError, match="has no servers"):
        source.first(source.read())
    with pytest.raises(ServerFileError, match="cannot be read"):
        Source(tmp_path / "absent").first(Source(tmp_path / "absent").read())
    for name in ("a", "b", ".hidden"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}", encoding="utf-8")
    assert sorted(source.first(source.read())) == ["a", "b"]
    with pytest.raises(SourceError, match="which server is not said; --server takes one of: a, b"):
        source.one(source.read())
    with pytest.raises(SourceError, match="there is no server 'c'; --server takes one of: a, b"):
        Source(tmp_path, "c").one(source.read())
    assert Source(tmp_path, "b").one(source.read()).name == "b"


@asynccontextmanager
async def followed(directory: Path) -> AsyncIterator[Registry]:
    source = Source(directory)
    known = source.read()
    with anyio.fail_after(DEADLINE):
        async with Registry(STDIO, Shared(), catalog.toolsets()) as registry, background() as tasks:
            registry.take(source.first(known))
            tasks.start(follow(registry, source, known, QUICK))
            yield registry


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a directory tells nobody that it has been read
        await anyio.sleep(QUICK)


def descriptions(registry: Registry) -> Mapping[str, str]:
    return {name: each.description for name, each in registry.servers.items()}


@pytest.mark.requirement("mcp-servers:watched")
async def test_plain_files_edited_replaced_added_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\ndescription: first", encoding="utf-8")
    async with followed(tmp_path) as registry:
        path.write_text("name: a\ndescription: other", encoding="utf-8")
        await until(lambda: descriptions(registry) == {"a": "other"})
        (tmp_path / "new").write_text("name: a\ndescription: third", encoding="utf-8")
        (tmp_path / "new").replace(path)
        await until(lambda: descriptions(registry) == {"a": "third"})
        (tmp_path / "b.yaml").write_text("name: b", encoding="utf-8")
        await until(lambda: set(registry) == {"a", "b"})
        path.unlink()
        await until(lambda: set(registry) == {"b"})
        (tmp_path / "b.yaml").unlink()
        await until(lambda: not registry)


@pytest.mark.requirement("mcp-servers:watched")
async def test_a_mounted_config_map(tmp_path: Path) -> None:
    """Files are links through `..data`, a link that is exchanged for another folder, as the kubelet does."""

    def mount(version: str, text: str) -> None:
        folder = tmp_path / f"..{version}"
        folder.mkdir()
        (folder / "a.yaml").write_text(text, encoding="utf-8")
        (tmp_path / "..tmp").symlink_to(folder.name)
        (tmp_path / "..tmp").replace(tmp_path / "..data")

    mount("1", "name: a\ndescription: first")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    async with followed(tmp_path) as registry:
        mount("2", "name: a\ndescription: other")
        await until(lambda: descriptions(registry) == {"a": "other"})


@pytest.mark.requirement("mcp-servers:watched")
@pytest.mark.requirement("mcp-servers:taken-up-whole")
async def test_a_mistake_is_told_and_the_last_good_ones_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\ndescription: first", encoding="utf-8")
    async with followed(tmp_path) as registry:
        for text, says in (
            ("name: a\ntimeout: 5", "did you mean timeoutSeconds?"),
            ("name: a\ncatalog: [none]", "there is no toolset 'none'"),
        ):
            path.write_text(text, encoding="utf-8")
            await until(lambda says=says: says in registry.fault)  # type: ignore[misc]  # bound now, not later
            assert says in caplog.text
            assert descriptions(registry) == {"a": "first"}
        gone = tmp_path.with_name("gone")
        os.rename(tmp_path, gone)  # noqa: PTH104 - not through a path, in an async function
        await until(lambda: "No such file" in registry.fault)
        assert set(registry) == {"a"}
        os.rename(gone, tmp_path)  # noqa: PTH104
        path.write_text("name: a\ndescription: good", encoding="utf-8")
        await until(lambda: descriptions(registry) == {"a": "good"})
        assert registry.fault == ""


@pytest.mark.requirement("mcp-servers:watched")
async def test_what_is_gone_again_by_the_next_look_is_never_taken_up() -> None:
    """An editor empties a file before it writes it anew; each value stands for one look."""
    looks = iter(["a", "a", "", "b", "b", "b", "", "b", "c", "b", "d", "d"])
    found = []
    with anyio.fail_after(DEADLINE):
        async for each in changes(lambda: next(looks), "a", 0):
            found.append(each)
            if each == "d":
                break
    assert found == ["b", "d"]
