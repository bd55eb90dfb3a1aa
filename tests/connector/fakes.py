"""A control plane that answers from a script, for what a real one cannot be made to show."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

from fairlead.client.connection import Connection, Streamed
from fairlead.connector.admitting import Planning
from fairlead.connector.catalog import Catalog, Offered
from fairlead.connector.handling import Claims
from fairlead.connector.namespaces import Namespace
from fairlead.connector.verifying import Known
from fairlead.machinery import statuses
from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion, Subresource
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import GroupVersion, RequestInfo, Resource
from fairlead.machinery.principals import Principal
from tests.connector.objects import SCOPE, decode, encode

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
API = APIResource(
    "databases", "Database", VERBS, singular="database", categories=("claim",),
    subresources=(Subresource("status", "Database", ("get", "patch", "update")),
                  Subresource("scale", "Scale", ("get", "patch", "update"), "autoscaling", "v1")),
)  # fmt: skip
GROUPS = (APIGroup("demo.example.org", (APIVersion("v1", (API,)),)),)
CATALOG = Catalog(
    GROUPS,
    frozenset({Offered("demo.example.org", "databases")}),
    {GroupVersion("demo.example.org", "v1"): b'{"openapi":"3.0.0"}'},
    b'{"swagger":"2.0"}',
)
BASE = "/apis/demo.example.org/v1"
CALLER = Principal("ana")


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: bytes

    @property
    def object(self) -> Any:
        return decode(self.body)


Answer = Response | Exception | Callable[[Sent], Response]


@dataclass
class ControlPlane:
    """Answers in order; a request beyond the script fails the test."""

    answers: list[Answer]
    sent: list[Sent] = field(default_factory=list)
    open_streams: int = 0

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Headers = Headers(),  # noqa: B008 - a frozen value
        body: bytes = b"",
        timeout: float | None = None,  # noqa: ASYNC109 - the connection's own parameter
    ) -> Response:
        return self._next(Sent(method, path, dict(parse_qsl(query)), headers, body))

    def _next(self, sent: Sent) -> Response:
        self.sent.append(sent)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(sent) if callable(answer) else answer

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, query: str = "", headers: Headers = Headers(), body: bytes = b""  # noqa: B008
    ) -> AsyncIterator[Streamed]:  # fmt: skip
        answer = self._next(Sent(method, path, dict(parse_qsl(query)), headers, body))
        self.open_streams += 1
        try:
            chunks = answer.body if not isinstance(answer.body, bytes) else _once(answer.body)
            yield Streamed(answer.status, answer.headers, chunks)
        finally:
            self.open_streams -= 1


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


@dataclass
class Phases:
    phases: dict[str, str] = field(default_factory=lambda: {"team-a": "Active"})

    async def find(self, name: str) -> Namespace | None:
        phase = self.phases.get(name)
        return Namespace(name, f"uid-of-{name}", phase == "Terminating") if phase else None


@dataclass
class World:
    control_plane: ControlPlane
    claims: Claims
    known: Known
    namespaces: Phases
    reviewed: list[RequestInfo]

    async def ask(
        self, method: str, path: str, body: Any = b"", query: str = "", content_type: str = "", **headers: str
    ) -> Response:
        lines = [(key.replace("_", "-"), value) for key, value in headers.items()]
        if content_type:
            lines.append(("content-type", content_type))
        data = body if isinstance(body, bytes) else encode(body)
        return await self.claims.handle(Request(method, path, query, Headers(lines), data), CALLER)


@dataclass
class Room:
    """A quota of one namespace, for as many as `left` says."""

    left: int = 0
    charges: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    async def cover(self, resource: Resource, namespace: str) -> bool:
        return namespace == "team-a"

    async def check(self, resource: Resource, name: str, namespace: str) -> None:
        self.checks.append(name)
        if not self.left:
            raise statuses.forbidden(resource, name, "exceeded quota")

    async def charge(self, resource: Resource, name: str, namespace: str) -> None:
        await self.check(resource, name, namespace)
        self.left -= 1
        self.charges.append(self.checks.pop())


def world(
    *answers: Answer,
    catalog: Catalog | None = CATALOG,
    refuses: str = "",
    webhooks: Planning | None = None,
    quotas: Room | None = None,
) -> World:
    control_plane = ControlPlane(list(answers))
    reviewed: list[RequestInfo] = []

    async def authorize(principal: Principal, info: RequestInfo) -> None:
        reviewed.append(info)
        if info.verb == refuses:
            raise statuses.Forbidden("no")

    known, namespaces = Known(), Phases()
    connection = cast("Connection", control_plane)
    claims = Claims(SCOPE, connection, lambda: catalog, namespaces, authorize, known, webhooks, quotas=quotas)
    return World(control_plane, claims, known, namespaces, reviewed)


def ok(found: Any, status: int = 200, **headers: str) -> Response:
    lines = [(key.replace("_", "-"), value) for key, value in headers.items()]
    return Response(status, Headers([("content-type", "application/json"), *lines]), encode(found))


def no(error: statuses.StatusError) -> Response:
    return ok(error.to_object(), error.status_code)
