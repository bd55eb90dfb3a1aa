"""Commands in a container of a real cluster's node."""

from collections.abc import AsyncIterator, Callable

import pytest

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.resources import executing
from fairlead.resources.executing import Command, NotStartedError, Ran
from testenv.kubelet import ClusterWithNode
from tests.pods import running

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("resources:executing")]


@pytest.fixture
async def client(real_node: ClusterWithNode) -> AsyncIterator[Client]:
    async with real_node.cluster.open() as opened:
        yield opened


@pytest.fixture
async def pod(client: Client, unique: Callable[[str], str]) -> str:
    name = unique("execute")
    await running(client, name, "main", "side")
    return name


async def run(
    client: Client, pod: str, *argv: str, container: str = "main", seconds: float = 30, most: int = 1000
) -> Ran:
    return await executing.run(client, Command("default", pod, container, argv), seconds=seconds, most=most)


async def test_what_was_printed_and_how_it_ended(client: Client, pod: str) -> None:
    ran = await run(client, pod, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (ran.stdout, ran.stderr, ran.code, ran.cut) == ("out\n", "err\n", 3, 0)
    assert (await run(client, pod, "true", container="side")).code == 0
    assert (await run(client, pod, "printf", "%s|", "a b", "$HOME;é", "")).stdout == "a b|$HOME;é||"


async def test_output_is_bounded(client: Client, pod: str) -> None:
    ran = await run(client, pod, "head", "-c", "100000", "/dev/zero", most=1000)
    assert (len(ran.stdout), ran.cut, ran.code) == (1000, 99_000, 0)


async def test_a_command_that_does_not_end_is_left_alone(client: Client, pod: str) -> None:
    ran = await run(client, pod, "sh", "-c", "echo begun; sleep 60", seconds=2)
    assert (ran.stdout, ran.code) == ("begun\n", None)


async def test_what_could_not_be_started_says_why(client: Client, pod: str) -> None:
    with pytest.raises(NotStartedError, match="executable file not found"):
        await run(client, pod, "no-such-program")
    with pytest.raises(statuses.BadRequest, match="container nothing is not valid"):
        await run(client, pod, "true", container="nothing")
    with pytest.raises(statuses.NotFound):
        await run(client, f"{pod}-absent", "true")
