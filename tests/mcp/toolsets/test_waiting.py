"""Waiting through the gate, on API servers, embedded and real."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.machinery.paths import Resource
from tests.mcp.toolsets import definitions
from tests.mcp.toolsets.writers import Hands

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-core-writes:wait")]

CONFIG_MAPS = Resource("", "v1", "configmaps")
SECRET = "kX9vQ2mLpR7"


async def boat(client: Client, name: str) -> Resource:
    boats = await definitions.made(client, "waits.example.org", "Boat", spec=definitions.ANYTHING)
    obj = {
        "apiVersion": str(boats.group_version),
        "kind": "Boat",
        "metadata": {"name": name},
        "spec": {"token": SECRET},
    }
    await client.create(boats, obj, "default")
    return boats


async def test_what_comes_while_one_waits(hands: Hands, client: Client, unique: Callable[[str], str]) -> None:
    name = unique("boat")
    boats = await boat(client, name)
    where: dict[str, Any] = {"kind": "boat", "name": name, "namespace": "default", "wait_seconds": 50}
    waits = asyncio.create_task(hands.said("resources_wait", **where, until="condition=Ready"))
    status = {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Afloat"}]}}
    await client.patch(boats, name, status, "default", subresource="status")
    said = await waits
    assert f"Boat {name} in namespace default: reached\n" in said
    assert "Ready=True (Afloat)" in said
    gone = asyncio.create_task(hands.said("resources_wait", **where, until="delete"))
    await client.delete(boats, name, "default")
    assert ": reached\n" in await gone


@pytest.mark.parametrize(
    ("until", "reached", "says"),
    [
        ("condition=Ready", False, "no condition Ready; there are: none"),
        ("create", True, "there"),
        ("delete", False, "there, and nobody has deleted it"),
        ("jsonpath={.kind}=Boat", True, "{.kind} is Boat"),
        ("jsonpath='{.kind}'=Ship", False, "{.kind} is Boat"),
        ("jsonpath=.metadata.name", True, ".metadata.name is boat"),
        ("jsonpath={.spec.token}", True, "redacted"),
        ("jsonpath={.status.phase}=Running", False, "not there"),
    ],
)
async def test_what_is_the_case(
    hands: Hands, client: Client, unique: Callable[[str], str], until: str, reached: bool, says: str
) -> None:
    name = unique("boat")
    await boat(client, name)
    for seconds in (0, 1):
        said = await hands.said(
            "resources_wait", kind="boat", name=name, namespace="default", wait_seconds=seconds, until=until
        )
        assert (": reached\n" in said) is reached
        assert ("within 1 s; ask again to wait on" in said) is (not reached and seconds == 1)
        assert says in said
        assert SECRET not in said


async def test_a_wait_ends_before_the_call_does(hands: Hands) -> None:
    hands.limited_to(2)
    said = await hands.said(
        "resources_wait", kind="cm", name="absent", namespace="default", until="create", wait_seconds=600
    )
    assert re.search(r"not reached within [01] s", said)
    assert "not there" in said


@pytest.mark.parametrize("until", ["Ready", "condition=", "delete=1", "jsonpath={.a..b}", ""])
async def test_nothing_to_wait_for(hands: Hands, until: str) -> None:
    refusal = await hands.refusal("resources_wait", kind="cm", name="a", namespace="default", until=until)
    assert "jsonpath=" in refusal
