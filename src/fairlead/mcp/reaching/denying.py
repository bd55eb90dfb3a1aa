"""Kinds that a server's operator denies to every tool, refused by the connection before anything is sent.

In one place below the tools, so that no tool can forget it: a kind is denied in reads, writes, logs and waits, in every
version in which it is served, and in the other group where the API serves the same objects in two. The request names a
plural, the operator a kind; the cluster's own discovery says which belong together, and what it does not say is denied
as well. The path is read as the API server reads it, percent-decoded, so that no name can make it another one.

Source: issue MCP serving, 3, 5; the peer asks for the exact version, which leaves the others open
(reference/kubernetes-mcp-server.md §4).
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from urllib.parse import unquote

from fairlead.client.api import decoded
from fairlead.client.connection import Answered, Connection
from fairlead.machinery import paths
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import GroupVersion, Resource
from fairlead.mcp.named.servers import Denied

_TWINS = {("", "event"): "events.k8s.io", ("events.k8s.io", "event"): ""}
_Answer = TypeVar("_Answer", bound=Answered)


class DeniedError(FairleadError):
    """A request for something that this server denies."""


def asked(path: str) -> Resource | None:
    """What a request is about; None for what is no resource, such as discovery."""
    found = paths.read("GET", unquote(path), {})
    return found.resource if found.is_resource else None


def concerning(resource: Resource, denied: Iterable[Denied]) -> list[Denied]:
    """What is denied of its group, so that its kind has to be known."""
    return [each for each in denied if resource.group in (each.group, _twin(each))]


def check(resource: Resource, kind: str, denied: Iterable[Denied]) -> None:
    """Raises `DeniedError`; an empty kind is one that is not known. A plural is taken for its kind."""
    for each in concerning(resource, denied):
        if not kind or not each.kind or each.kind.lower() in (kind.lower(), resource.plural):
            why = "its operator has denied them" if kind else "its operator has denied some of that group"
            raise DeniedError(f"{resource.qualified} cannot be used on this server", why, "do without them")


def _twin(denied: Denied) -> str | None:
    return _TWINS.get((denied.group, denied.kind.lower().removesuffix("s")))


class DenyingConnection(Connection):
    denied: tuple[Denied, ...] = ()
    """Set once, before the first request."""

    async def _around(
        self, method: str, path: str, headers: Headers, exchange: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        resource = asked(path)
        found = concerning(resource, self.denied) if resource is not None else []
        if resource is not None and found:
            kind = await self._kind(resource) if any(each.kind for each in found) else ""
            check(resource, kind, found)
        return await super()._around(method, path, headers, exchange)

    async def _kind(self, resource: Resource) -> str:
        """Empty where the cluster does not say."""
        known: dict[GroupVersion, dict[str, str]] = self.__dict__.setdefault("_kinds", {})
        if resource.plural not in known.get(resource.group_version, {}):
            known[resource.group_version] = await self._discovered(resource.group_version)
        return known[resource.group_version].get(resource.plural, "")

    async def _discovered(self, group_version: GroupVersion) -> dict[str, str]:
        answer = await self.request("GET", group_version.path, headers=Headers([("accept", "application/json")]))
        if answer.status != 200:
            return {}
        return {each["name"]: each["kind"] for each in decoded(answer).get("resources") or ()}
