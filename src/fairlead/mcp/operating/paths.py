"""The paths that are an operator's: health and metrics, in front of whatever guards the servers.

Health is for anyone: probes have no token, and it says little. Metrics name servers and tools and show how busy each
is: on the servers' own port they are only for this machine, that is, where it listens on loopback and the request names
a loopback host, which neither a web page nor a caller of a proxy in front of it does. Everyone else is given a port of
its own (`--metrics-port`), which the network's own means keep from strangers, as everywhere in Kubernetes.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairlead.machinery.messages import Headers, Request, Response
from fairlead.mcp.operating.metrics import PATH, PrometheusMeter
from fairlead.mcp.operating.spans import Continued
from fairlead.serving.asgi import Application
from fairlead.serving.health import Health

_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_PLAIN = Headers([("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")])
_MOST_BODY = 1024


class Operated:
    """An ASGI application: `inner` with the operator's paths before it, and its spans continued."""

    def __init__(
        self, inner: ASGIApp, health: Health, meter: PrometheusMeter | None = None, *, shows: bool = True
    ) -> None:
        """Counts with `meter`, and shows what it has counted to requests from this machine unless told not to."""
        self._inner = Continued(inner)
        self._health = health
        self._meter = meter
        self._shown = meter if shows else None
        self._operators = Application(self._handle, _MOST_BODY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == PATH or self._health.serves(path)):
            await self._operators(scope, receive, send)
        elif self._meter is None:
            await self._inner(scope, receive, send)
        else:
            await self._inner(scope, receive, self._counting(send, self._meter))

    def _counting(self, send: Send, meter: PrometheusMeter) -> Send:
        """What is refused before it becomes a call: no login, no right, a flood, another host."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                meter.refused(message["status"])
            await send(message)

        return counted

    async def _handle(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(405, Headers([("allow", "GET, HEAD"), *_PLAIN.lines]), b"only GET\n")
        if request.path != PATH:
            return await self._health.handle(request)
        if self._shown is None or not _names_loopback(request.headers.get("host")):
            return Response(404, _PLAIN, b"metrics have a port of their own: --metrics-port\n")
        return await self._shown.handle(request)


def _names_loopback(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower() in _HOSTS


def metrics_alone(meter: PrometheusMeter, health: Health) -> Application:
    """For a port of its own: nothing else is there."""

    async def handle(request: Request) -> Response:
        if request.path == PATH:
            return await meter.handle(request)
        return await health.handle(request)

    return Application(handle, _MOST_BODY)
