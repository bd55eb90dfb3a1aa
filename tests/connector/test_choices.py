"""Which APIs are published, between two API servers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fairlead.connector import running
from fairlead.connector.choosing import Choice
from fairlead.crossplane import xrds
from fairlead.machinery import statuses
from tests.clusters import Pair
from tests.connector.test_running import eventually, offer, world

pytestmark = pytest.mark.anyio


@pytest.mark.whole
@pytest.mark.requirement("connector:api-choice")
async def test_a_denied_api_is_not_published_and_one_that_was_is_withdrawn(
    pair: Pair, unique: Callable[[str], str]
) -> None:
    kept, denied = f"{unique('kept')}.example.org", f"{unique('denied')}.example.org"
    async with world(pair, unique) as found:
        for group in (kept, denied):
            await offer(found.control_plane, group)
        async with running.serve(found.settings):
            await eventually(lambda: found.api_service(denied))
        choice = Choice.parse([f"*.{kept}", f"*.{denied}"], [f"databases.{denied}"])
        async with running.serve(replace(found.settings, choice=choice)):
            await eventually(lambda: found.withdrawn(denied))
            await eventually(lambda: found.app.list(found.claims(kept)))
            with pytest.raises(statuses.NotFound):
                await found.app.list(found.claims(denied))


@pytest.mark.requirement("connector:api-choice")
async def test_one_of_two_kinds_of_a_group_is_denied_in_discovery_and_schemas(
    pair: Pair, unique: Callable[[str], str]
) -> None:
    group = f"{unique('half')}.example.org"
    async with world(pair, unique) as found:
        for kind in ("Database", "Queue"):
            await offer(found.control_plane, group, kind)
        choice = Choice.parse([], [f"queues.{group}"])
        async with running.serve(replace(found.settings, choice=choice)):
            await eventually(lambda: found.app.list(found.claims(group)))
            listed = await found.app.read(f"/apis/{group}/v1alpha1")
            assert {each["kind"] for each in listed["resources"]} <= {"Database", "Scale"}
            schemas = await eventually(lambda: found.app.read(f"/openapi/v3/apis/{group}/v1alpha1"))
            assert "Queue" not in str(schemas)
            with pytest.raises(statuses.NotFound):
                await found.app.list(replace(found.claims(group), plural="queues"))


@pytest.mark.requirement("connector:api-choice")
async def test_labels_are_followed(pair: Pair, unique: Callable[[str], str]) -> None:
    group = f"{unique('labelled')}.example.org"
    label = unique("offer")
    async with world(pair, unique) as found:
        settings = replace(found.settings, choice=Choice.parse([], [], f"{label}=yes"))
        async with running.serve(settings):
            xrd = await offer(found.control_plane, group)

            async def say(value: str) -> None:
                patch = {"metadata": {"labels": {label: value}}}
                await found.control_plane.patch(xrds.V1, xrd["metadata"]["name"], patch)

            for _ in range(2):
                await say("yes")
                await eventually(lambda: found.api_service(group))
                await say("no")
                await eventually(lambda: found.withdrawn(group))
