"""Who gets through to a server: the layer around all of them, before anything of theirs is asked.

In this order: is the request for us and not from somebody's web page, does it carry one token in the one right way, is
the token good, is its owner among those whom the server is for, do its scopes reach what is asked. What a body asks for
is read from the body; headers that repeat it are compared with it by the protocol's library. The gate behind decides
over every call once more by the same function: this layer is there to answer in HTTP, which is how a client learns that
it has to log in or to ask for more.

How it is put on, once for a process:

    async with guarding.guarded(application, servers, Front(Allowed(hosts))) as application: ...

where `servers` are the held ones by name, asked anew with each request, so that a change holds at once. Under it the
library's own look at hosts is switched off (`Manner(loopback_only=False)`).

Source: issue MCP serving, 4; reference/mcp-and-gateways.md §1.3, §2.5, §5.4 groups 1 and 7.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fairlead.identity.errors import ProviderError, TokenError
from fairlead.mcp.callers import Caller
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.entering import admitting, wellknown
from fairlead.mcp.entering.admitting import Admission
from fairlead.mcp.entering.asking import Asked, TooLargeError
from fairlead.mcp.entering.challenging import Challenges, not_admitted, unavailable
from fairlead.mcp.entering.hosts import Allowed
from fairlead.mcp.entering.wellknown import Place
from fairlead.mcp.named import scopes
from fairlead.mcp.named.identities import OIDC

HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_ENDPOINT = "/mcp"
_log = logging.getLogger(__name__)


class Guarded(Protocol):
    @property
    def gate(self) -> Gate: ...


@dataclass(frozen=True)
class Front:
    """How this process is reached."""

    allowed: Allowed = field(default_factory=Allowed)
    public_url: str = ""
    """What clients reach us by, where requests do not say it; empty: by the host that they name."""
    behind_tls_proxy: bool = False
    beyond_loopback: bool = False
    """Whether others than this machine reach us; then a server that says nothing of access is for nobody."""
    alone: str = ""
    """The server at `/mcp`, where there is one beside or in place of the named ones."""
    open_paths: frozenset[str] = HEALTH
    """For anybody, by whatever host."""


@asynccontextmanager
async def guarded(
    application: ASGIApp, servers: Mapping[str, Guarded], front: Front | None = None
) -> AsyncIterator[ASGIApp]:
    admission = Admission()
    try:
        yield _Guard(application, servers, front or Front(), admission)
    finally:
        await admission.close()


class _Guard:
    def __init__(
        self, application: ASGIApp, servers: Mapping[str, Guarded], front: Front, admission: Admission
    ) -> None:
        self._application = application
        self._servers = servers
        self._front = front
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._front.open_paths:
            await self._application(scope, receive, send)
            return
        request = Request(scope, receive)
        refused = self._foreign(request) or await self._published(request)
        if refused is not None:
            await refused(scope, receive, send)
            return
        guarded = self._servers.get(self._name(scope["path"]))
        if guarded is None:
            await PlainTextResponse("there is no such server", 404)(scope, receive, send)
        elif isinstance(guarded.gate.server.identity, OIDC):
            await self._identified(guarded.gate, guarded.gate.server.identity, request, send)
        elif self._front.beyond_loopback:  # nothing starts so; nobody is let in all the same
            await not_admitted()(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def _foreign(self, request: Request) -> Response | None:
        allowed, headers = self._front.allowed, request.headers
        status = allowed.host(headers.getlist("host")) or allowed.origin(headers.getlist("origin"))
        words = {400: "exactly one Host is needed", 421: "this is not that host", 403: "no page of that origin"}
        return PlainTextResponse(words[status], status) if status else None

    def _name(self, path: str) -> str:
        """Of the server that a path belongs to; empty where it belongs to none."""
        if self._front.alone and path == _ENDPOINT:
            return self._front.alone
        parts = path.split("/")
        return parts[2] if len(parts) > 3 and parts[:2] == ["", "s"] else ""

    async def _published(self, request: Request) -> Response | None:
        """What is for everybody to read; None for any other request."""
        found = wellknown.asked(request.scope["path"])
        if found is None:
            return None
        kind, endpoint = found
        told = {name: each for name, each in self._servers.items() if isinstance(each.gate.server.identity, OIDC)}
        name = self._name(endpoint) if endpoint else self._front.alone or (next(iter(told)) if len(told) == 1 else "")
        if name not in told:
            return PlainTextResponse("there is no such server", 404)
        server = told[name].gate.server
        assert isinstance(server.identity, OIDC)  # noqa: S101 - filtered above, for the type checker
        try:
            provider = await self._admission.provider(server.identity)
            return await wellknown.answer(
                kind, request, server, server.identity, provider, self._place(request, name, endpoint)
            )
        except ProviderError as error:
            _log.warning("%s", error)
            return unavailable()

    def _place(self, request: Request, name: str, path: str) -> Place:
        """As the client came, where there are two ways."""
        scheme = "https" if self._front.behind_tls_proxy else request.scope["scheme"]
        base = self._front.public_url.rstrip("/") or f"{scheme}://{request.headers['host']}"
        alone = name == self._front.alone and not path.startswith("/s/")
        return Place(base, _ENDPOINT if alone else f"/s/{name}{_ENDPOINT}")

    async def _identified(self, gate: Gate, identity: OIDC, request: Request, send: Send) -> None:
        asked = Asked(request)
        try:
            answer, caller = await self._caller(gate, identity, asked)
        except ProviderError as error:
            _log.warning("%s", error)
            answer, caller = unavailable(), None
        except TooLargeError:
            answer, caller = PlainTextResponse("the body is too large", 413), None
        if answer is not None or caller is None:
            await (answer or unavailable())(request.scope, asked.receive, send)
            return
        user = _user(caller)
        request.scope["user"] = user
        request.scope.setdefault("state", {})["caller"] = caller
        token = auth_context_var.set(user)
        try:
            await self._application(request.scope, asked.receive, send)
        finally:
            auth_context_var.reset(token)

    async def _caller(self, gate: Gate, identity: OIDC, asked: Asked) -> tuple[Response | None, Caller | None]:
        """Either is None. Raises `ProviderError`, `TooLargeError`."""
        challenges = Challenges(
            lambda: self._place(asked.request, gate.server.name, asked.request.scope["path"]).metadata
        )
        wrong, token = asked.token()
        if wrong:
            return challenges.malformed(wrong), None
        if not token:
            return challenges.missing(scopes.needed(identity)), None
        try:
            caller = await self._admission.caller(identity, token)
        except TokenError as error:
            return challenges.invalid(error, scopes.needed(identity)), None
        beyond = self._front.beyond_loopback
        if not admitting.admits(identity, gate.server.access, caller, beyond_loopback=beyond):
            return not_admitted(), None
        lacking = await self._lacking(gate, identity, asked, caller)
        return (challenges.insufficient(lacking), None) if lacking else (None, caller)

    async def _lacking(self, gate: Gate, identity: OIDC, asked: Asked, caller: Caller) -> tuple[str, ...]:
        """All scopes that the request takes, where the caller has too few."""
        if not identity.scopes.mapped:
            return ()
        if not asked.request.scope["path"].endswith(_ENDPOINT):  # what is no tool is for who administers
            return () if scopes.approves(identity, caller) else scopes.needed_to_approve(identity)
        most = await asked.most(gate)
        return () if scopes.reaches(identity, caller, most) else scopes.needed(identity, most)


def _user(caller: Caller) -> AuthenticatedUser:
    """To whom the protocol's library binds sessions and the state of questions; it is not given the token.

    Source: CVE-2026-52869.
    """
    issuer, subject = str(caller.claims["iss"]), str(caller.claims["sub"])
    client = caller.claims.get("azp") or caller.claims.get("client_id") or ""
    return AuthenticatedUser(
        AccessToken(token="", client_id=str(client), scopes=[], subject=subject, claims={"iss": issuer})
    )
