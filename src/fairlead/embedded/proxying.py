"""What a kube-apiserver's aggregator does with a request for an APIService's group and version: pass it on.

The playground connects its app cluster to a connector through this, so it must be as strict as the real one: the same
certificate name, the same front-proxy client certificate, the same headers thrown away and set, the same plain-text
answers when the server behind cannot be reached. What works here then works there.

Source: `pkg/apiserver/handler_proxy.go` of k8s.io/kube-aggregator, `pkg/util/proxy` of k8s.io/apiserver.
"""

import base64
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from fairlead.client.connection import Connection, Streamed
from fairlead.client.credentials import ClientCertificate
from fairlead.client.endpoints import Endpoint
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.principals import Principal
from fairlead.serving.certificates import KeyPair
from fairlead.serving.streams import Held

Object = dict[str, Any]

_DROPPED = {
    "authorization", "connection", "content-length", "host", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
    "x-remote-user", "x-remote-uid", "x-remote-group",
}  # fmt: skip
_PATH = "/:@!$&'()*+,;=~"
_DROPPED_PREFIXES = ("x-remote-extra-", "impersonate-")
_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_PLAIN = Headers([("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")])
_REDIRECTED = b"the backend attempted to redirect this request, which is not permitted"
# What RFC 9110 §5.6.2 lets a header name hold, without `%`, which begins an escape.
_HEADER_NAME = "!#$&'*+^`|"


class Unresolved(FairleadError):
    """The APIService leads nowhere; `reason` is that of its Available condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Destination:
    host: str
    port: int
    server_name: str
    """The name that the certificate must carry, whatever the address."""
    ca_bundle: bytes | None
    """PEM; None trusts the system's."""
    insecure: bool = False

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"


Open = Callable[[Destination, Request], AbstractAsyncContextManager[Streamed]]
"""Sends a request to a destination. `FairleadError` where that fails."""


def resolve(api_service: Object, service: Object | None, slices: Iterable[Object] = ()) -> Destination:
    """Where an APIService with a service is to be found; `slices` are the EndpointSlices of the namespace.

    Raises `Unresolved` with the words of the real availability controller.
    """
    reference = api_service["spec"]["service"]
    name, namespace, port = reference["name"], reference["namespace"], int(reference.get("port") or 443)
    if service is None:
        raise Unresolved("ServiceNotFound", f'service/{name} in "{namespace}" is not present')
    host, number = _external(service, port) or _ready(service, port, _slices_of(service, slices))
    bundle = api_service["spec"].get("caBundle")
    return Destination(
        host,
        number,
        f"{name}.{namespace}.svc",
        base64.b64decode(bundle) if bundle else None,
        bool(api_service["spec"].get("insecureSkipTLSVerify")),
    )


def _external(service: Object, port: int) -> tuple[str, int] | None:
    spec = service["spec"]
    return (spec["externalName"], port) if spec.get("type") == "ExternalName" else None


def _ready(service: Object, port: int, slices: list[Object]) -> tuple[str, int]:
    """The first ready endpoint: the playground has no proxy behind cluster addresses."""
    where = f'service/{service["metadata"]["name"]} in "{service["metadata"]["namespace"]}"'
    ports = [each for each in service["spec"].get("ports") or () if each.get("port") == port]
    if not ports:
        raise Unresolved("ServicePortError", f"{where} is not listening on port {port}")
    if not slices:
        raise Unresolved("EndpointsNotFound", f"cannot find endpointslices for {where}")
    port_name = ports[0].get("name") or ""
    for each in slices:
        numbers = [int(its["port"]) for its in each.get("ports") or () if (its.get("name") or "") == port_name]
        for endpoint in each.get("endpoints") or ():
            if numbers and endpoint.get("addresses") and (endpoint.get("conditions") or {}).get("ready", True):
                return endpoint["addresses"][0], numbers[0]
    raise Unresolved("MissingEndpoints", f'endpoints for {where} have no addresses with port name "{port_name}"')


def _slices_of(service: Object, slices: Iterable[Object]) -> list[Object]:
    name = service["metadata"]["name"]
    return [
        each
        for each in slices
        if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        and each["metadata"].get("namespace") == service["metadata"]["namespace"]
    ]


def forwarded(request: Request, principal: Principal, *, host: str = "", client: str = "") -> Request:
    """The request as the server behind sees it: nobody's credentials, and who asks in the front proxy's headers."""
    kept = [
        line for line in request.headers.lines if line[0] not in _DROPPED and not line[0].startswith(_DROPPED_PREFIXES)
    ]
    about = [("x-forwarded-host", host), ("x-forwarded-for", client)]
    # The one hop-by-hop header that Go's reverse proxy passes on, as gRPC needs it.
    about += [("te", "trailers")] if "trailers" in request.headers.get("te") else []
    lines = [
        *kept,
        *(line for line in about if line[1]),
        ("x-forwarded-uri", quote(request.path, safe=_PATH)),
        ("x-forwarded-proto", "https"),
        *identity(principal),
    ]
    return Request(request.method, request.path, request.query, Headers(lines), request.body)


def identity(principal: Principal) -> list[tuple[str, str]]:
    lines = [("x-remote-user", principal.name)]
    lines += [("x-remote-uid", principal.uid)] if principal.uid else []
    lines += [("x-remote-group", group) for group in principal.groups]
    for key, values in principal.extra:
        lines += [(f"x-remote-extra-{quote(key, safe=_HEADER_NAME).lower()}", value) for value in values]
    return lines


def target(request: Request) -> tuple[str, str]:
    """Path and query, encoded again: like the real one, the query sorted by key."""
    pairs = sorted(parse_qsl(request.query, keep_blank_values=True), key=lambda pair: pair[0])
    return quote(request.path, safe=_PATH), urlencode(pairs)


class Backends:
    """A pool of connections to each server behind; `pair` is the front proxy's, without which nobody believes us."""

    def __init__(self, pair: KeyPair) -> None:
        self._certificate = ClientCertificate(pair.certificate, pair.key)
        self._connections: dict[Destination, Connection] = {}

    def open(self, destination: Destination, request: Request) -> AbstractAsyncContextManager[Streamed]:
        path, query = target(request)
        return self._connection(destination).stream(
            request.method, path, query=query, headers=request.headers, body=request.body
        )

    async def ask(self, destination: Destination, request: Request, principal: Principal, timeout: float) -> Response:  # noqa: ASYNC109 - one deadline for all
        """For what the aggregator itself wants to know; the body is read. `FairleadError` where nothing answers."""
        outgoing = forwarded(request, principal)
        path, query = target(outgoing)
        return await self._connection(destination).request(
            outgoing.method, path, query=query, headers=outgoing.headers, timeout=timeout
        )

    async def keep(self, destinations: Iterable[Destination]) -> None:
        """Closes what leads elsewhere: after a change of address, CA or registration."""
        wanted = set(destinations)
        for each in [each for each in self._connections if each not in wanted]:
            await self._connections.pop(each).close()

    async def close(self) -> None:
        await self.keep(())

    def _connection(self, destination: Destination) -> Connection:
        if destination not in self._connections:
            endpoint = Endpoint(
                destination.host,
                destination.port,
                destination.server_name,
                destination.ca_bundle,
                self._certificate,
                destination.insecure,
            )
            self._connections[destination] = endpoint.open()
        return self._connections[destination]


class Proxy:
    def __init__(self, open_: Open) -> None:
        self._open = open_

    async def forward(self, request: Request, principal: Principal, destination: Destination) -> Response:
        """Answers in any case; the body is a stream that closes the connection behind it."""
        stack = AsyncExitStack()
        outgoing = forwarded(request, principal, host=request.headers.get("host"))
        try:
            streamed = await stack.enter_async_context(self._open(destination, outgoing))
        except FairleadError as error:
            return unreachable(error)
        except BaseException:
            await stack.aclose()
            raise
        if 300 <= streamed.status < 400 and streamed.headers.get("location"):
            await stack.aclose()
            return Response(502, Headers([("content-type", "text/plain; charset=utf-8")]), _REDIRECTED)
        headers = Headers(line for line in streamed.headers.lines if line[0] not in _HOP_BY_HOP)
        return Response(streamed.status, headers, Held(streamed.chunks, stack.aclose))


def unavailable() -> Response:
    """For an APIService whose Available condition is not true."""
    return Response(503, _PLAIN, b"service unavailable\n")


def unreachable(error: FairleadError) -> Response:
    return Response(503, _PLAIN, f"error trying to reach service: {error}\n".encode())
