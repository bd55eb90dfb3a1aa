"""A double of a Space: the host that exchanges tokens, and the router before the control planes, both with TLS.

No real Space was at hand. The double knows one account, one personal token and one control plane; whatever else is
asked of it, it refuses, so that a test which passes has sent the right thing to the right host.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, quote

from fairlead.client.connection import Connection
from fairlead.connector.spaces import EXCHANGE, Space
from fairlead.machinery import encoding
from fairlead.machinery.messages import Handler, Headers, Request, Response
from fairlead.serving.certificates import Authority
from fairlead.serving.listening import listen
from fairlead.serving.tls import ServerTLS

DOMAIN, ROUTER = "space.test", "router.space.test"
ACCOUNT, TOKEN = "acme", "personal-hush"
GROUP, NAME = "default", "orders"
PATH = f"/apis/spaces.upbound.io/v1beta1/namespaces/{GROUP}/controlplanes/{NAME}/k8s"
AUTHORITY = Authority.create("a Space")
_HOP = ("connection", "content-length", "host", "transfer-encoding", "authorization", "keep-alive")


@asynccontextmanager
async def hosts(folder: Path, auth: Handler, router: Handler) -> AsyncIterator[Space]:
    """Both of them, and the Space as a person would describe it."""
    (folder / "space-token").write_text(TOKEN, encoding="ascii")
    (folder / "space-ca.pem").write_bytes(AUTHORITY.certificate)
    tls = [ServerTLS(AUTHORITY.issue_server([name], []), None) for name in (f"auth.{DOMAIN}", ROUTER)]
    async with listen(auth, tls=tls[0]) as first, listen(router, tls=tls[1]) as second:
        yield Space(
            host=f"{ROUTER}:{second.port}",
            account=ACCOUNT,
            token_file=folder / "space-token",
            name=NAME,
            group=GROUP,
            domain=f"{DOMAIN}:{first.port}",
            authority=folder / "space-ca.pem",
        )


@dataclass
class TokenHost:
    """Exchanges the one personal token; each bearer ends the one before when `revoke` says so."""

    life: int = 3600
    issued: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)

    async def __call__(self, request: Request) -> Response:
        form = parse_qs(request.body.decode(), strict_parsing=True)
        if (request.method, request.path) != ("POST", EXCHANGE):
            return Response(404)
        if form["subject_token"] != [TOKEN] or form["scope"] != [f"upbound:org:{ACCOUNT}"]:
            return Response(401)
        self.issued.append(f"bearer-{len(self.issued)}")
        self.good.add(self.issued[-1])
        answer = {"access_token": self.issued[-1], "token_type": "Bearer", "expires_in": self.life}
        return Response(200, Headers([("content-type", "application/json")]), encoding.to_json(answer))

    def revoke(self) -> None:
        self.good.clear()


@dataclass
class Router:
    """Passes on what comes for the control plane with a bearer of the token host; the way is as the real one's."""

    tokens: TokenHost
    control_plane: Connection
    refused: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        bearer = request.headers.get("authorization").removeprefix("Bearer ")
        if bearer not in self.tokens.good:
            return self._refuse(401, request)
        if not request.path.startswith(f"{PATH}/"):
            return self._refuse(404, request)
        headers = Headers([(key, value) for key, value in request.headers.lines if key not in _HOP])
        path = quote(request.path.removeprefix(PATH), safe="/:")
        if "watch=" in request.query:
            return await self._streamed(request, path, headers)
        answer = await self.control_plane.request(
            request.method, path, query=request.query, headers=headers, body=request.body
        )
        lines = [(key, value) for key, value in answer.headers.lines if key not in _HOP]
        return replace(answer, headers=Headers(lines))

    def _refuse(self, status: int, request: Request) -> Response:
        self.refused.append(f"{status} {request.path}")
        return Response(status)

    async def _streamed(self, request: Request, path: str, headers: Headers) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            async with self.control_plane.stream("GET", path, query=request.query, headers=headers) as streamed:
                async for chunk in streamed.chunks:
                    yield chunk

        return Response(200, Headers([("content-type", "application/json")]), chunks())
