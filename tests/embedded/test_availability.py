from collections.abc import Callable
from typing import Any

import pytest

from fairlead.embedded import availability
from fairlead.embedded.proxying import Destination, Unresolved
from fairlead.machinery import discovery, encoding
from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import GroupVersion
from fairlead.machinery.principals import Principal

pytestmark = pytest.mark.anyio

GV = GroupVersion("g.example", "v1")
DESTINATION = Destination("localhost", 8443, "claims-api.claims-system.svc", None)
THINGS = APIResource("things", "Thing", ("get", "list"), short_names=("th",))
LEGACY = encoding.to_json(discovery.resource_list(GV, [THINGS]))


class Server:
    """Answers by path, and keeps who asked what."""

    def __init__(self, answers: Callable[[str], Response]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, str, Principal]] = []

    async def ask(self, request: Request, principal: Principal) -> Response:
        self.asked.append((request.path, request.headers.get("accept"), principal))
        return self._answers(request.path)


def document(*groups: APIGroup, content_type: str = discovery.AGGREGATED_CONTENT_TYPE, status: int = 200) -> Server:
    aggregated = encoding.to_json(discovery.aggregated(groups))

    def answers(path: str) -> Response:
        if path == "/apis":
            return Response(status, Headers([("content-type", content_type)]), aggregated)
        return Response(200, Headers([("content-type", "application/json")]), LEGACY)

    return Server(answers)


def down(path: str) -> Response:
    raise FairleadError('Get "https://localhost:8443": connection refused')


@pytest.mark.requirement("embedded:availability")
class TestCondition:
    @pytest.mark.parametrize("status", [200, 204])
    async def test_a_server_that_answers_passes(self, status: int) -> None:
        server = Server(lambda path: Response(status))
        assert await availability.check(GV, DESTINATION, server.ask) == ("True", "Passed", "all checks passed")
        ((path, _, principal),) = server.asked
        assert path == "/apis/g.example/v1"
        assert principal == Principal("system:kube-aggregator", groups=("system:masters",))

    @pytest.mark.parametrize("status", [301, 401, 403, 404, 503])
    async def test_any_other_answer_fails(self, status: int) -> None:
        found = await availability.check(GV, DESTINATION, Server(lambda path: Response(status)).ask)
        url = "https://localhost:8443/apis/g.example/v1"
        message = f"failing or missing response from {url}: bad status from {url}: {status}"
        assert found == ("False", "FailedDiscoveryCheck", message)

    async def test_no_answer_fails_with_its_reason(self) -> None:
        status, reason, message = await availability.check(GV, DESTINATION, Server(down).ask)
        assert (status, reason) == ("False", "FailedDiscoveryCheck")
        assert message.startswith("failing or missing response from https://localhost:8443/apis/g.example/v1: Get ")

    def test_what_leads_nowhere_has_its_own_reason(self) -> None:
        error = Unresolved("ServiceNotFound", 'service/a in "b" is not present')
        assert availability.unresolved(error) == ("False", "ServiceNotFound", 'service/a in "b" is not present')

    def test_the_time_is_that_of_the_last_change(self) -> None:
        first = availability.condition(*availability.PASSED, now="T1")
        assert first == {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": "T1",
            "reason": "Passed",
            "message": "all checks passed",
        }
        again = availability.condition(*availability.LOCAL, now="T2", previous=first)
        assert (again["lastTransitionTime"], again["reason"]) == ("T1", "Local")
        failed = availability.condition("False", "FailedDiscoveryCheck", "x", now="T3", previous=again)
        assert failed["lastTransitionTime"] == "T3"


@pytest.mark.requirement("embedded:discovery-fetch")
class TestDiscovery:
    async def fetch(self, server: Server) -> APIVersion:
        return await availability.fetch(GV, server.ask)

    async def test_the_aggregated_document(self) -> None:
        server = document(APIGroup("other", (APIVersion("v1"),)), APIGroup("g.example", (APIVersion("v1", (THINGS,)),)))
        assert await self.fetch(server) == APIVersion("v1", (THINGS,))
        ((path, accept, principal),) = server.asked
        assert (path, principal) == ("/apis", availability.PROBER)
        assert accept.startswith("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")

    async def test_its_own_freshness_does_not_count(self) -> None:
        assert (await self.fetch(document(APIGroup("g.example", (APIVersion("v1", fresh=False),))))).fresh

    async def test_a_group_version_left_out_is_current_and_empty(self) -> None:
        assert await self.fetch(document()) == APIVersion("v1")

    @pytest.mark.parametrize(("content_type", "status"), [("application/json", 200), ("text/plain", 406), ("x/y", 404)])
    async def test_an_older_server_is_asked_for_the_legacy_document(self, content_type: str, status: int) -> None:
        server = document(content_type=content_type, status=status)
        assert await self.fetch(server) == APIVersion("v1", (THINGS,))
        assert server.asked[1] == ("/apis/g.example/v1", "application/json", availability.LEGACY_PROBER)

    async def test_a_503_is_stale_without_a_second_question(self) -> None:
        server = document(status=503)
        assert await self.fetch(server) == APIVersion("v1", fresh=False)
        assert len(server.asked) == 1

    @pytest.mark.parametrize("answer", [Response(404), Response(200, body=b"nonsense"), Response(200, body=b"[]")])
    async def test_a_server_that_says_nothing_useful_is_stale(self, answer: Response) -> None:
        assert await self.fetch(Server(lambda path: answer)) == APIVersion("v1", fresh=False)

    async def test_no_answer_is_stale(self) -> None:
        assert await self.fetch(Server(down)) == APIVersion("v1", fresh=False)


@pytest.mark.requirement("embedded:discovery-fetch")
@pytest.mark.parametrize(
    ("odd", "fresh"),
    [
        ({}, True),
        ({"items": None}, True),
        ({"items": [{"metadata": {}}]}, True),
        ({"items": [{"metadata": {"name": "g.example"}, "versions": [{}]}]}, False),
        ({"items": ["nonsense"]}, False),
        ({"items": 7}, False),
    ],
)
async def test_odd_documents_are_no_crash(odd: dict[str, Any], fresh: bool) -> None:
    lines = Headers([("content-type", discovery.AGGREGATED_CONTENT_TYPE)])
    server = Server(lambda path: Response(200, lines, encoding.to_json(odd)))
    assert await availability.fetch(GV, server.ask) == APIVersion("v1", fresh=fresh)
