"""Where clients log in for a server: its protected-resource metadata, and who grants tokens for it.

The metadata points at the identity provider, where a client registers itself or is known by its own address. For a
provider that has neither, and where the operator has registered a public client, a small document of ours stands
between: it names the provider's own endpoints, and a registration that answers with that client's id whoever asks. No
login passes through us, so that there is nothing here to be confused about; the provider checks the redirect address.

Source: RFC 9728; RFC 8414; RFC 7591; reference/mcp-and-gateways.md §1.3, §5.2 (Confused deputy).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from fairlead.identity.errors import ProviderError
from fairlead.identity.provider import Provider
from fairlead.machinery import encoding
from fairlead.mcp.named import scopes
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.named.servers import NamedServer

RESOURCE = "/.well-known/oauth-protected-resource"
PROVIDER = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
_PASSED_ON = (
    "authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "jwks_uri",
    "scopes_supported",
    "userinfo_endpoint",
)
_FOR_PAGES = {"Access-Control-Allow-Origin": "*"}
_REGISTER = "/register"
_MOST_ADDRESSES = 20
_MOST_BYTES = 1 << 16

Kind = Literal["resource", "provider", "register"]


def asked(path: str) -> tuple[Kind, str] | None:
    """Which document, and the server's endpoint or what stands for it; None for any other path."""
    for prefix in (RESOURCE, *PROVIDER):
        rest = path.removeprefix(prefix)
        if rest != path and (not rest or rest.startswith("/")):
            return "resource" if prefix == RESOURCE else "provider", _endpoint(rest)
        if prefix != RESOURCE and path.endswith(prefix):  # as an issuer with a path has it in OpenID Connect
            return "provider", _endpoint(path.removesuffix(prefix))
    return ("register", _endpoint(path.removesuffix(_REGISTER))) if path.endswith(_REGISTER) else None


def _endpoint(path: str) -> str:
    path = path.rstrip("/")
    return path if not path or path.endswith("/mcp") else f"{path}/mcp"


@dataclass(frozen=True)
class Place:
    """Where a server is for whoever sent a request."""

    base: str
    """`https://mcp.example.com`, with a path where a proxy takes one away."""
    endpoint: str
    """`/s/NAME/mcp`."""

    @property
    def resource(self) -> str:
        return f"{self.base}{self.endpoint}"

    @property
    def metadata(self) -> str:
        return f"{self.base}{RESOURCE}{self.endpoint}"

    @property
    def front(self) -> str:
        """The issuer of the document that stands between."""
        return f"{self.base}{self.endpoint.removesuffix('/mcp')}"


async def is_fronted(identity: OIDC, provider: Provider) -> bool:
    """Whether clients are given a client id by us.

    While the provider cannot be asked it is pointed at; so is one that says who it is with each login (RFC 9207), which
    clients would find to be another than the document that they were given.
    """
    if not identity.client_id:
        return False
    try:
        names_itself = (await provider.document()).get("authorization_response_iss_parameter_supported") is True
        return not names_itself and not await provider.registers()
    except ProviderError:
        return False


async def resource(server: NamedServer, identity: OIDC, provider: Provider, place: Place) -> dict[str, Any]:
    fronted = await is_fronted(identity, provider)
    found = {
        "resource": place.resource,
        "authorization_servers": [place.front if fronted else identity.issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": server.description or server.name,
    }
    told = list(dict.fromkeys((*scopes.needed(identity), *identity.advertised)))
    return found | ({"scopes_supported": told} if told else {})


async def authorization_server(identity: OIDC, provider: Provider, place: Place) -> Mapping[str, Any]:
    """The provider's own document, or the one that stands between. Raises `ProviderError`."""
    theirs = await provider.document()
    if not await is_fronted(identity, provider):
        return theirs
    return {
        "issuer": place.front,
        **{key: theirs[key] for key in _PASSED_ON if key in theirs},
        "registration_endpoint": f"{place.front}/register",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
    }


async def answer(
    kind: Kind, request: Request, server: NamedServer, identity: OIDC, provider: Provider, place: Place
) -> Response:
    """Raises `ProviderError`."""
    if kind == "register":
        return await _registration(request, identity, provider)
    if request.method not in ("GET", "HEAD"):
        return PlainTextResponse("only GET", 405, {"Allow": "GET, HEAD"})
    if kind == "resource":
        return JSONResponse(await resource(server, identity, provider, place), headers=_FOR_PAGES)
    return JSONResponse(dict(await authorization_server(identity, provider, place)), headers=_FOR_PAGES)


async def _registration(request: Request, identity: OIDC, provider: Provider) -> Response:
    if request.method != "POST" or not await is_fronted(identity, provider):
        return PlainTextResponse("nobody registers here", 404)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return PlainTextResponse("the body is too large", 413)
    try:
        wanted = encoding.from_json(body)
    except encoding.DecodeError:
        wanted = None
    if not isinstance(wanted, dict):
        return JSONResponse({"error": "invalid_client_metadata"}, 400)
    return JSONResponse(registered(identity, wanted), 201, {"Cache-Control": "no-store"})


def registered(identity: OIDC, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What every client is told that registers itself where there is one client for all."""
    addresses = asked.get("redirect_uris")
    addresses = [each for each in addresses if isinstance(each, str)] if isinstance(addresses, list) else []
    return {
        "client_id": identity.client_id,
        "client_id_issued_at": int(time.time()),
        "client_name": str(asked.get("client_name") or "")[:200],
        "redirect_uris": addresses[:_MOST_ADDRESSES],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
