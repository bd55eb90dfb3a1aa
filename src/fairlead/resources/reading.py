"""Reading any kind: one page of a list as the server prints it or as objects, and one object.

Each call is one request to the server; what the server serves is discovered once and asked for again when a kind is not
found, because kinds come and go while an agent works.

Source: issue MCP serving, 4 ("one upstream request per simple call") and 6.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from weakref import WeakValueDictionary

from fairlead.client import discovery
from fairlead.client.api import Client, decoded
from fairlead.machinery import statuses
from fairlead.machinery.discovery import APIGroup
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.resources.kinds import Kind, Kinds, UnknownKindError

Object = dict[str, Any]
_LACKS = re.compile(r'cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?')
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class ScopeError(FairleadError):
    """A namespace was given for a cluster-scoped kind's object, or none for a namespaced one's."""


@dataclass(frozen=True)
class Query:
    namespace: str = ""
    """Empty: all namespaces."""
    label_selector: str = ""
    field_selector: str = ""
    limit: int = 50
    cursor: str = ""

    def parameters(self) -> dict[str, str]:
        found = {
            "labelSelector": self.label_selector,
            "fieldSelector": self.field_selector,
            "limit": str(self.limit) if self.limit else "",
            "continue": self.cursor,
        }
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True)
class Page:
    kind: Kind
    document: Object
    """A Table, or a list."""
    cursor: str
    """Empty: this was the last page."""
    remaining: int | None
    """How many more there are, where the server says it."""


class Alike:
    """What several are served is kept once where it is the same: with many kinds it is megabytes for each."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[int, Kinds] = WeakValueDictionary()

    def of(self, groups: Iterable[APIGroup]) -> Kinds:
        found = tuple(groups)
        known = self._known.get(hash(found))
        if known is None or known.groups != found:
            known = self._known[hash(found)] = Kinds(found)
        return known


class Served:
    """What a server serves to somebody, for all the readers by which they come."""

    def __init__(self, alike: Alike | None = None) -> None:
        self.alike = alike or Alike()
        self.kinds: Kinds | None = None
        self.discovering = asyncio.Lock()


class Reader:
    def __init__(self, client: Client, served: Served | None = None) -> None:
        self.client = client
        self._served = served or Served()

    async def kinds(self, *, anew: bool = False) -> Kinds:
        before = self._served.kinds
        async with self._served.discovering:
            if self._served.kinds is None or (anew and self._served.kinds is before):
                self._served.kinds = self._served.alike.of(await discovery.discover(self.client))
            return self._served.kinds

    async def kind(self, name: str, api_version: str = "") -> Kind:
        """Raises `UnknownKindError` after asking the server anew."""
        try:
            return (await self.kinds()).find(name, api_version)
        except UnknownKindError:
            return (await self.kinds(anew=True)).find(name, api_version)

    async def page(self, kind: Kind, query: Query, *, table: bool = True, objects: bool = False) -> Page:
        """`objects` puts the whole object beside each row of a table, not its metadata alone.

        Raises what `Client` raises; `statuses.Expired` for a cursor that the server has forgotten.
        """
        path = kind.resource.path(query.namespace or None)
        headers = Headers([("accept", f"{_TABLE},application/json" if table else "application/json")])
        parameters = query.parameters() | ({"includeObject": "Object"} if objects else {})
        answer = await self.client.connection.request("GET", path, query=urlencode(parameters), headers=headers)
        found = decoded(answer)
        metadata = found.get("metadata") or {}
        return Page(kind, found, str(metadata.get("continue") or ""), metadata.get("remainingItemCount"))

    async def every(
        self, name: str, api_version: str, namespace: str = "", *, label_selector: str = ""
    ) -> list[Object]:
        """All objects of a kind, each with its kind and version, which a list leaves out.

        Raises `UnknownKindError`, and what `Client` raises.
        """
        kind = await self.kind(name, api_version)
        try:
            found = await self.client.list(kind.resource, namespace or None, label_selector=label_selector)
        except statuses.NotFound:  # of a list it says that the kind has gone meanwhile, or moved to another version
            kind = (await self.kinds(anew=True)).find(name, api_version)
            found = await self.client.list(kind.resource, namespace or None, label_selector=label_selector)
        return [{**each, "apiVersion": kind.api_version, "kind": kind.api.kind} for each in found.items]

    async def metadata(self, name: str, api_version: str) -> list[Object]:
        """Of all objects of a kind, without the rest: hundreds of definitions with their schemas are megabytes.

        Raises `UnknownKindError`, and what `Client` raises.
        """
        kind = await self.kind(name, api_version)
        found = await self.client.read(kind.resource.path(), accept=f"{_METADATA},application/json")
        return [each["metadata"] for each in found.get("items") or ()]

    async def one(self, kind: Kind, name: str, namespace: str = "") -> Object:
        """Raises `ScopeError`, and what `Client` raises."""
        if kind.resource.namespaced and not namespace:
            raise ScopeError(f"{kind.api.kind} is namespaced", "no namespace was given", "give `namespace`")
        return await self.client.get(kind.resource, name, namespace or None)


def next_step(error: FairleadError, kind: Kind | None = None) -> str:
    """What to do about a refusal; empty where its own words say it."""
    if isinstance(error, statuses.Expired):
        return "the cursor has expired: begin the list again without it"
    if isinstance(error, statuses.Forbidden):
        return _missing(error.message) or (
            f"whoever grants rights has to allow this on {kind.resource.qualified}" if kind else ""
        )
    if isinstance(error, statuses.MethodNotAllowed) and kind is not None:
        return f"{kind.api.kind} can only: {', '.join(kind.api.verbs) or 'nothing'}"
    if isinstance(error, statuses.TooManyRequests):
        return f"try again in {error.retry_after or 1} s"
    if isinstance(error, statuses.NotFound) and kind is not None:
        return f"list {kind.resource.qualified} to see the names that exist"
    return ""


def lacks_right(error: FairleadError) -> bool:
    """Whether an authorizer's refusal is told, and not that of a quota, a policy or a webhook, which answer 403 too."""
    return _LACKS.search(str(error)) is not None


def _missing(message: str) -> str:
    """The right that the authorizer says is lacking, as a rule of a Role; empty where it says something else."""
    found = _LACKS.search(message)
    if found is None:
        return ""
    verb, resource, group, namespace = found.groups()
    where = f"a Role in namespace {namespace}" if namespace else "a ClusterRole"
    return f'it takes {where} with apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]'
