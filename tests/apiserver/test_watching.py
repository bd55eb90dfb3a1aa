"""Watch."""

from typing import Any

import pytest

from tests.apiserver.asking import MERGE, TABLE, Api, Object, configmap

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:watch")]


async def version(api: Api, path: str) -> str:
    found: str = (await api.ask("GET", path)).object["metadata"]["resourceVersion"]
    return found


def short(events: list[Object]) -> list[tuple[str, str]]:
    return [(each["type"], each["object"]["metadata"].get("name", "")) for each in events]


async def test_changes_after_a_revision(api: Api, configmaps: str) -> None:
    start = await version(api, configmaps)
    made = (await api.ask("POST", configmaps, configmap("a", {"k": "v"}))).object
    await api.ask("PATCH", f"{configmaps}/a", {"data": {"k": "w"}}, content_type=MERGE)
    await api.ask("DELETE", f"{configmaps}/a")
    events = await api.events(f"{configmaps}?watch=1&resourceVersion={start}&timeoutSeconds=1")
    assert short(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    versions = [int(each["object"]["metadata"]["resourceVersion"]) for each in events]
    assert versions == sorted(set(versions))
    assert versions[0] == int(made["metadata"]["resourceVersion"])
    assert events[2]["object"]["data"] == {"k": "w"}


@pytest.mark.parametrize("query", ["", "&resourceVersion=0"])
async def test_without_a_revision_the_present_comes_first(api: Api, configmaps: str, query: str) -> None:
    await api.ask("POST", configmaps, configmap("a", labels={"l": "x"}))
    events = await api.events(f"{configmaps}?watch=1&timeoutSeconds=1&labelSelector=l{query}")
    assert short(events) == [("ADDED", "a")]


async def test_initial_events_end_with_a_bookmark(api: Api, configmaps: str) -> None:
    await api.ask("POST", configmaps, configmap("a", labels={"l": "x"}))
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=3"
    events = await api.events(f"{configmaps}?{query}&labelSelector=l")
    assert short(events[:2]) == [("ADDED", "a"), ("BOOKMARK", "")]
    metadata = events[1]["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(metadata["resourceVersion"]) >= int(events[0]["object"]["metadata"]["resourceVersion"])


async def test_what_leaves_a_selector_is_deleted_from_it(api: Api, configmaps: str) -> None:
    start = await version(api, configmaps)
    await api.ask("POST", configmaps, configmap("a", labels={"l": "x"}))
    for label in ("y", "x"):
        await api.ask("PATCH", f"{configmaps}/a", {"metadata": {"labels": {"l": label}}}, content_type=MERGE)
    watch = f"{configmaps}?watch=1&resourceVersion={start}&timeoutSeconds=1&labelSelector=l%3Dx"
    events = await api.events(watch)
    assert short(events) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    assert events[1]["object"]["metadata"]["labels"] == {"l": "x"}


async def test_one_object(api: Api, configmaps: str) -> None:
    start = await version(api, configmaps)
    for name in "ab":
        await api.ask("POST", configmaps, configmap(name))
    watch = f"watch=1&resourceVersion={start}&timeoutSeconds=1&fieldSelector=metadata.name%3Db"
    assert short(await api.events(f"{configmaps}?{watch}")) == [("ADDED", "b")]


async def test_the_old_prefix(api: Api, configmaps: str) -> None:
    await api.ask("POST", configmaps, configmap("a"))
    path = configmaps.replace("/api/v1/", "/api/v1/watch/")
    assert ("ADDED", "a") in short(await api.events(f"{path}?timeoutSeconds=1"))


async def test_tables_name_their_columns_once(api: Api, configmaps: str) -> None:
    start = await version(api, configmaps)
    for name in "ab":
        await api.ask("POST", configmaps, configmap(name, {"k": "v"}))
    watch = f"{configmaps}?watch=1&resourceVersion={start}&timeoutSeconds=1"
    tables = [each["object"] for each in await api.events(watch, accept=TABLE)]
    assert [each["kind"] for each in tables] == ["Table", "Table"]
    assert [each["name"] for each in tables[0]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert tables[1].get("columnDefinitions") is None
    assert [each["rows"][0]["cells"][:2] for each in tables] == [["a", 1], ["b", 1]]


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        (
            "resourceVersionMatch=NotOlderThan",
            (
                422,
                "Invalid",
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is '
                "forbidden for watch unless sendInitialEvents is provided",
            ),
        ),
        (
            "sendInitialEvents=true",
            (
                422,
                "Invalid",
                'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires '
                "setting resourceVersionMatch to NotOlderThan",
            ),
        ),
        (
            "resourceVersion=abc",
            (
                500,
                "",
                'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
            ),
        ),
    ],
)
async def test_options_are_checked(api: Api, configmaps: str, query: str, refusal: tuple[Any, ...]) -> None:
    assert (await api.ask("GET", f"{configmaps}?watch=1&{query}")).refusal == refusal
