"""The app cluster's namespaces: what the watch has said, and what is asked for."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from fairlead.client.errors import Unreachable
from fairlead.client.watching import Applied, Deleted, Interrupted, Listed
from fairlead.connector.namespaces import Namespace, Namespaces
from fairlead.connector.preparing import NAMESPACES
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

if TYPE_CHECKING:
    from fairlead.client.api import Client

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:namespaces-followed")]


def namespace(name: str, uid: str, phase: str = "Active") -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid}, "status": {"phase": phase}}


class AppCluster:
    """Answers for one namespace, and counts how often it is asked."""

    def __init__(self, answer: dict[str, Any] | FairleadError) -> None:
        self.answer = answer
        self.asked = 0

    async def get(self, resource: Resource, name: str) -> dict[str, Any]:
        self.asked += 1
        if isinstance(self.answer, FairleadError):
            raise self.answer
        return self.answer


ABSENT = statuses.not_found(NAMESPACES, "shop")


def followed(answer: dict[str, Any] | FairleadError = ABSENT) -> tuple[Namespaces, AppCluster]:
    app = AppCluster(answer)
    return Namespaces(cast("Client", app)), app


async def test_one_that_the_watch_has_named_is_not_asked_for() -> None:
    namespaces, app = followed()
    namespaces.heard(Listed([namespace("shop", "u-1")], "1"))
    assert await namespaces.find("shop") == Namespace("shop", "u-1")
    assert app.asked == 0


async def test_one_that_the_watch_does_not_know_is_asked_for() -> None:
    namespaces, app = followed(namespace("shop", "u-1"))
    namespaces.heard(Listed([], "1"))
    assert await namespaces.find("shop") == Namespace("shop", "u-1")
    assert app.asked == 1


async def test_before_the_first_list_and_after_an_interruption_all_are_asked_for() -> None:
    namespaces, app = followed(namespace("shop", "u-2"))
    assert await namespaces.find("shop") == Namespace("shop", "u-2")
    namespaces.heard(Listed([namespace("shop", "u-1")], "1"))
    namespaces.heard(Interrupted(Unreachable("gone", sent=False)))
    assert await namespaces.find("shop") == Namespace("shop", "u-2")
    namespaces.heard(Applied(namespace("other", "u-3")))
    assert (await namespaces.find("other")) == Namespace("other", "u-3")
    assert app.asked == 2


async def test_none_is_none_and_no_answer_is_an_error() -> None:
    namespaces, app = followed()
    assert await namespaces.find("shop") is None
    app.answer = Unreachable("the app cluster", sent=False)
    with pytest.raises(statuses.InternalError, match="namespace shop cannot be read"):
        await namespaces.find("shop")


@pytest.mark.parametrize(
    "event",
    [
        Applied(namespace("shop", "u-1", "Terminating")),
        Applied({"metadata": {"name": "shop", "uid": "u-1", "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        Deleted(namespace("shop", "u-1")),
        Listed([namespace("shop", "u-1", "Terminating")], "2"),
    ],
)
async def test_one_that_was_seen_to_end_stays_ended_whatever_a_late_answer_says(event: Any) -> None:
    namespaces, _ = followed(namespace("shop", "u-1"))
    namespaces.heard(Listed([namespace("shop", "u-1")], "1"))
    assert not namespaces.ended("shop", "u-1")
    namespaces.heard(event)
    assert namespaces.ended("shop", "u-1")
    assert await namespaces.find("shop") == Namespace("shop", "u-1", terminating=True)


async def test_another_of_the_same_name_is_another() -> None:
    namespaces, _ = followed()
    namespaces.heard(Applied(namespace("shop", "u-1", "Terminating")))
    namespaces.heard(Deleted(namespace("shop", "u-1")))
    namespaces.heard(Applied(namespace("shop", "u-2")))
    assert await namespaces.find("shop") == Namespace("shop", "u-2")
    assert not namespaces.ended("shop", "u-2")


async def test_missing_from_a_list_is_not_seen_to_end() -> None:
    namespaces, _ = followed()
    namespaces.heard(Listed([namespace("shop", "u-1")], "1"))
    namespaces.heard(Listed([], "9"))
    assert not namespaces.ended("shop", "u-1")
    assert await namespaces.find("shop") is None


async def test_terminating_is_learned_from_an_answer_as_well() -> None:
    namespaces, _ = followed(namespace("shop", "u-1", "Terminating"))
    assert await namespaces.find("shop") == Namespace("shop", "u-1", terminating=True)
    assert namespaces.ended("shop", "u-1")
