"""`/livez`, `/readyz` and `/healthz` as every Kubernetes component answers them.

Probes, dashboards and people know the format: `ok` for whoever only wants the code, and a line per check with
`?verbose` or when one fails. Why a check fails stays out of the answer, which anyone may read; it goes to the log.
Source: `pkg/server/healthz` of k8s.io/apiserver, compared with a real kube-apiserver.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import parse_qs

from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Request, Response

Check = Callable[[], Awaitable[None]]
"""Passes by returning; a `FairleadError` or `OSError` is its failure."""

_log = logging.getLogger(__name__)
_PLAIN = Headers([("content-type", "text/plain; charset=utf-8"), ("x-content-type-options", "nosniff")])


class Health:
    """`endpoints` maps a name (`livez`) to its checks in order; `ping` always comes first.

    `warnings` are what is wrong without being a reason to be unready; whoever asks verbosely is told.
    """

    def __init__(
        self, endpoints: Mapping[str, Mapping[str, Check]], warnings: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self._warnings = warnings
        self._endpoints = {name: {"ping": _ping, **checks} for name, checks in endpoints.items()}

    def serves(self, path: str) -> bool:
        return path.removeprefix("/").partition("/")[0] in self._endpoints

    async def handle(self, request: Request) -> Response:
        endpoint, slash, single = request.path.removeprefix("/").partition("/")
        checks = self._endpoints.get(endpoint, {})
        if not slash and checks:
            return await _all(endpoint, checks, request, self._warnings())
        if single not in checks:
            return Response(404, _PLAIN, b"404 page not found\n")
        if await _passes(endpoint, single, checks[single]):
            return Response(200, _PLAIN, b"ok")
        return Response(500, _PLAIN, b"internal server error: reason withheld\n")


async def _all(endpoint: str, checks: Mapping[str, Check], request: Request, warnings: Iterable[str]) -> Response:
    asked = parse_qs(request.query, keep_blank_values=True)
    excluded = set(asked.get("exclude", ()))
    lines, healthy = [], True
    for name, check in checks.items():
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok\n")
        elif await _passes(endpoint, name, check):
            lines.append(f"[+]{name} ok\n")
        else:
            healthy = False
            lines.append(f"[-]{name} failed: reason withheld\n")
    unknown = ",".join(f'"{name}"' for name in sorted(excluded - checks.keys()))
    if unknown:
        lines.append(f"warn: some health checks cannot be excluded: no matches for {unknown}\n")
    lines += [f"warn: {each}\n" for each in warnings]
    if healthy and "verbose" not in asked:
        return Response(200, _PLAIN, b"ok")
    lines.append(f"{endpoint} check {'passed' if healthy else 'failed'}\n")
    return Response(200 if healthy else 500, _PLAIN, "".join(lines).encode())


async def _passes(endpoint: str, name: str, check: Check) -> bool:
    try:
        await check()
    except (FairleadError, OSError) as error:
        _log.warning("%s check %s failed: %s", endpoint, name, error)
        return False
    return True


async def _ping() -> None:
    return
