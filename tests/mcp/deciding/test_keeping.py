"""What workers share, in memory and in Redis: the same tests for both."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fairlead.mcp.deciding import sealing
from fairlead.mcp.deciding.keeping import MemoryStore, Store, StoreError
from fairlead.mcp.deciding.sealing import SealError, Seals
from fairlead.mcp.deciding.sharing import opened
from tests.mcp.changing import ME, World, gate, handle
from tests.mcp.redisserver import redis_url

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:kept")]
__all__ = ["redis_url"]


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    async with opened(request.getfixturevalue("redis_url")) as shared:
        yield shared.store


async def test_a_claim_is_had_once(store: Store) -> None:
    said = await asyncio.gather(*(store.claim("claim", 60) for _ in range(20)))
    assert said.count(True) == 1
    await store.drop("claim")
    assert await store.claim("claim", 60)


async def test_what_is_kept_is_found_until_it_expires(store: Store) -> None:
    await store.put("kept:a", b"\x00\xff", 60)
    await store.put("kept:b", b"b", 0.05)
    assert await store.get("kept:a") == b"\x00\xff"
    async with asyncio.timeout(30):
        while await store.get("kept:b") is not None:  # noqa: ASYNC110 - it expires on a clock, nobody tells
            await asyncio.sleep(0.01)
    assert await store.keys("kept:") == ["kept:a"]
    await store.drop("kept:a")
    assert await store.keys("kept:") == []
    assert await store.get("kept:a") is None


async def test_memory_has_an_end() -> None:
    store = MemoryStore()
    for index in range(32):
        await store.put(str(index), b"x" * (1 << 20), 60)
    with pytest.raises(StoreError, match="too many plans wait"):
        await store.put("one more", b"x", 60)


@pytest.mark.requirement("mcp-policy:handles")
async def test_a_handle_goes_to_any_worker_once(redis_url: str, tmp_path: Path) -> None:
    world, key = World(), tmp_path / "key"
    key.write_text("a secret of at least 32 characters\n", encoding="utf-8")
    async with opened(redis_url, key) as one, opened(redis_url, key) as two, opened(redis_url) as stranger:
        workers = [gate(world, shared=each) for each in (one, two)]
        given = handle((await workers[0].call(ME, "things_delete", {"name": "a"})).answer.text)
        assert (await gate(world, shared=stranger).call(ME, "changes_confirm", given)).failed
        said = await asyncio.gather(*(each.call(ME, "changes_confirm", given) for each in workers[::-1] * 5))
        assert [each.failed for each in said].count(False) == 1
        assert world.done == ["things_delete a"]


@pytest.mark.requirement("mcp-policy:seals")
def test_a_seal_opens_only_what_was_sealed_for_it() -> None:
    seals, newer = Seals(b"a" * 32), Seals(b"b" * 32, b"a" * 32)
    said = b"things_delete a in namespace shop"
    sealed = seals.seal("plan", said, "here")
    assert said not in sealed
    assert seals.open("plan", sealed, "here") == newer.open("plan", sealed, "here") == said
    for opener, purpose, wrong, place in (
        (seals, "other", sealed, "here"),
        (seals, "plan", sealed, "there"),
        (Seals(), "plan", sealed, "here"),
        (seals, "plan", sealed[:-1] + bytes([sealed[-1] ^ 1]), "here"),
        (seals, "plan", b"", "here"),
        (seals, "plan", newer.seal("plan", said, "here"), "here"),
    ):
        with pytest.raises(SealError):
            opener.open(purpose, wrong, place)


@pytest.mark.requirement("mcp-policy:seals")
def test_a_key_file_has_long_secrets(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for text in ("", "short\n", "a" * 32 + "\nshort\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SealError, match="at least 32 characters"):
            sealing.read(path)
    with pytest.raises(SealError, match="cannot read"):
        sealing.read(tmp_path / "none")
    path.write_text("b" * 32 + "\n\n" + "a" * 32, encoding="utf-8")
    assert sealing.read(path).open("p", Seals(b"a" * 32).seal("p", b"x", ""), "") == b"x"
