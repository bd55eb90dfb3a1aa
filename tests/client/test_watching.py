from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from fairlead.client import watching
from fairlead.client.api import Client, lines
from fairlead.client.watching import Applied, Backoff, Deleted, Interrupted, Listed
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import Resource
from tests.client.servers import serve
from tests.client.test_api import answer

pytestmark = pytest.mark.anyio
THINGS = Resource("g", "v1", "things")
DEADLINE = 10


def thing(name: str, version: int, **metadata: Any) -> dict[str, Any]:
    return {"kind": "Thing", "metadata": {"name": name, "resourceVersion": str(version), **metadata}}


def event(kind: str, obj: dict[str, Any]) -> bytes:
    return encoding.to_json({"type": kind, "object": obj}) + b"\n"


class Server:
    """Answers each list and each watch with the next of its scripts; when there are no more, watches stay open."""

    def __init__(self, lists: Sequence[Any], watches: Sequence[Any]) -> None:
        self.lists, self.watches = list(lists), list(watches)
        self.asked: list[dict[str, str]] = []

    async def __call__(self, request: Request) -> Response:
        if request.parameters.get("watch") != "true":
            return self.say(self.lists.pop(0))
        self.asked.append(request.parameters)
        if not self.watches:
            return Response(200, Headers(), self.open())
        script = self.watches.pop(0)
        return self.say(script) if isinstance(script, Response) else Response(200, Headers(), self.stream(script))

    def say(self, script: Any) -> Response:
        return script if isinstance(script, Response) else answer(script)

    async def stream(self, chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def open(self) -> AsyncIterator[bytes]:
        await anyio.sleep_forever()
        yield b""


def collection(version: int, *objects: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "ThingList", "metadata": {"resourceVersion": str(version)}, "items": list(objects)}


async def follow(server: Server, count: int, *, initial_events: bool = False) -> tuple[list[Any], list[float]]:
    """The first `count` events, and the pauses that were taken."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await anyio.lowlevel.checkpoint()

    found: list[Any] = []
    backoff = Backoff(first=1, jitter=lambda: 0.0, sleep=sleep)
    with anyio.fail_after(DEADLINE):
        async with serve(server) as connection:
            events = watching.watch(Client(connection), THINGS, "n", initial_events=initial_events, backoff=backoff)
            async with aclosing(events):
                async for each in events:
                    found.append(each)
                    if len(found) == count:
                        break
    return found, pauses


def names(found: list[Any]) -> list[str]:
    return [
        f"{type(each).__name__} {','.join(i['metadata']['name'] for i in each.items)}"
        if isinstance(each, Listed)
        else f"{type(each).__name__} {each.object['metadata']['name']}"
        for each in found
    ]


@pytest.mark.requirement("client:watch-resumes")
async def test_it_resumes_where_it_was_bookmarks_included() -> None:
    watches = [
        [event("ADDED", thing("b", 11)), event("BOOKMARK", thing("", 20))],
        [event("MODIFIED", thing("a", 21)), event("DELETED", thing("a", 22))],
        [event("ADDED", thing("c", 23))],
    ]
    server = Server([collection(10, thing("a", 1))], watches)
    found, pauses = await follow(server, 5)
    assert names(found) == ["Listed a", "Applied b", "Applied a", "Deleted a", "Applied c"]
    assert [each["resourceVersion"] for each in server.asked] == ["10", "20", "22"]
    assert all(each["allowWatchBookmarks"] == "true" for each in server.asked)
    assert pauses == []


@pytest.mark.requirement("client:watch-relists")
@pytest.mark.parametrize(
    "gone",
    [
        answer(statuses.Expired("too old resource version").to_object(), 410),
        [event("ERROR", statuses.Expired("too old resource version").to_object())],
    ],
)
async def test_410_lists_anew(gone: Any) -> None:
    server = Server(
        [collection(10, thing("a", 1)), collection(30, thing("b", 29))], [gone, [event("ADDED", thing("c", 31))]]
    )
    found, pauses = await follow(server, 3)
    assert names(found) == ["Listed a", "Listed b", "Applied c"]
    assert pauses == []


@pytest.mark.requirement("client:watch-relists", "client:watch-backs-off")
async def test_a_server_that_always_says_410_is_not_asked_without_a_pause() -> None:
    gone = answer(statuses.Expired("too old resource version").to_object(), 410)
    lists = [collection(version) for version in (10, 20, 30)]
    server = Server([*lists, collection(40)], [gone, gone, gone])
    found, pauses = await follow(server, 4)
    assert [type(each) for each in found] == [Listed] * 4
    assert pauses == [1, 2]


@pytest.mark.requirement("client:watch-backs-off")
async def test_failures_are_told_and_tried_again_after_growing_pauses() -> None:
    broken = answer(statuses.InternalError("broken").to_object(), 500)
    limited = answer(statuses.TooManyRequests("slower").to_object(), 429, ("retry-after", "7"))
    server = Server(
        [broken, broken, limited, collection(10)],
        [answer(statuses.Forbidden("no").to_object(), 403), [event("ADDED", thing("a", 11))]],
    )
    found, pauses = await follow(server, 6)
    assert [type(each) for each in found] == [Interrupted] * 3 + [Listed, Interrupted, Applied]
    assert pauses == [1, 2, 7, 8]
    assert watching.hopeless(found[4].error)
    assert not watching.hopeless(found[0].error)


@pytest.mark.requirement("client:watch-backs-off")
async def test_a_server_that_ends_at_once_is_not_asked_without_a_pause() -> None:
    server = Server([collection(10)], [[], [], [event("ADDED", thing("a", 11))]])
    found, pauses = await follow(server, 2)
    assert names(found) == ["Listed ", "Applied a"]
    assert pauses == [1, 2]


@pytest.mark.requirement("client:watch-lines")
async def test_strings_do_not_split_events_and_a_cut_event_is_none() -> None:
    odd = "a\x85b\u2028c\x0bd"
    whole = event("ADDED", thing("x", 11, labels={"odd": odd}))
    server = Server([collection(10)], [[whole[:9], whole[9:] + event("ADDED", thing("y", 12))[:20]]])
    found, _ = await follow(server, 2)
    assert found[1].object["metadata"]["labels"]["odd"] == odd
    assert server.watches == []


@pytest.mark.requirement("client:watch-lines")
async def test_lines_are_found_across_chunks() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for each in (b"a\nb", b"", b"c\n\nd\n", b"rest"):
            yield each

    assert [line async for line in lines(chunks())] == [b"a", b"bc", b"d"]


@pytest.mark.requirement("client:watch-initial-events")
async def test_the_watch_itself_may_begin_with_the_collection() -> None:
    ended = thing("", 15, annotations={"k8s.io/initial-events-end": "true"})
    watches = [
        [event("ADDED", thing("a", 1)), event("BOOKMARK", ended), event("ADDED", thing("b", 16))],
        [event("DELETED", thing("b", 17))],
    ]
    server = Server([], watches)
    found, _ = await follow(server, 3, initial_events=True)
    assert names(found) == ["Listed a", "Applied b", "Deleted b"]
    assert server.asked[0]["sendInitialEvents"] == "true"
    assert server.asked[0]["resourceVersionMatch"] == "NotOlderThan"
    assert server.asked[1]["resourceVersion"] == "16"


@pytest.mark.requirement("client:watch-initial-events")
async def test_a_server_that_cannot_is_listed() -> None:
    refused = answer(statuses.Invalid("sendInitialEvents is forbidden").to_object(), 422)
    server = Server([collection(10, thing("a", 1))], [refused])
    found, pauses = await follow(server, 1, initial_events=True)
    assert names(found) == ["Listed a"]
    assert pauses == []


@pytest.mark.requirement("client:watch-resumes")
async def test_a_real_collection_is_followed(cluster: Any) -> None:
    configmaps, namespaces = Resource("", "v1", "configmaps"), Resource("", "v1", "namespaces", namespaced=False)
    with anyio.fail_after(DEADLINE * 3):
        async with cluster.open() as client:
            made = await client.create(namespaces, {"metadata": {"generateName": "watch-"}})
            namespace = made["metadata"]["name"]
            events = watching.watch(
                client, configmaps, namespace, field_selector="metadata.name=mine", initial_events=True
            )
            first = await anext(events)
            assert isinstance(first, Listed)
            assert first.items == []
            await client.create(configmaps, {"metadata": {"name": "mine"}}, namespace)
            added = await anext(events)
            assert isinstance(added, Applied)
            await client.delete(configmaps, "mine", namespace)
            gone = await anext(events)
            assert isinstance(gone, Deleted)
            assert gone.object["metadata"]["uid"] == added.object["metadata"]["uid"]
