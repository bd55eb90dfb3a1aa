"""Objects of a Kubernetes API as plain dictionaries, and its refusals as typed errors."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from fairlead.client import kubeconfig
from fairlead.client.connection import Connection
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
PAGE = 500
FIELD_MANAGER = "fairlead"


class Patch(Enum):
    """The content types of a PATCH."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class ObjectList:
    items: list[Object]
    resource_version: str
    """Of the collection: where a watch begins."""


class Client:
    """Each method raises a `machinery.statuses` error for a refusal, and a `ClientError` where no answer came."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @classmethod
    def from_kubeconfig(cls, path: str | Path | None = None, context: str | None = None) -> "Client":
        return cls(Connection(kubeconfig.load(path, context)))

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, subresource: str | None = None
    ) -> Object:
        return await self._send("GET", resource.path(namespace, name, subresource))

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = PAGE,
    ) -> ObjectList:
        """The whole collection, in pages of `limit`. Where a page's token has expired it begins once more, unpaged."""
        parameters = _given(labelSelector=label_selector, fieldSelector=field_selector)
        try:
            return await self._pages(resource.path(namespace), parameters, limit)
        except statuses.Expired:
            return await self._pages(resource.path(namespace), parameters, 0)

    async def _pages(self, path: str, parameters: Mapping[str, str], limit: int) -> ObjectList:
        items: list[Object] = []
        token = ""
        while True:
            paging = _given(limit=str(limit) if limit else "", **{"continue": token})
            page = await self._send("GET", path, {**parameters, **paging})
            items += _typed(page)
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                return ObjectList(items, str(metadata.get("resourceVersion") or ""))

    async def create(
        self, resource: Resource, obj: Mapping[str, Any], namespace: str | None = None, **options: str
    ) -> Object:
        """`options` are query parameters of the API, such as `dryRun="All"` or `fieldManager`."""
        return await self._send("POST", resource.path(_namespace(obj, namespace)), options, obj)

    async def replace(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        subresource: str | None = None,
        **options: str,
    ) -> Object:
        path = resource.path(_namespace(obj, namespace), obj["metadata"]["name"], subresource)
        return await self._send("PUT", path, options, obj)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any] | Sequence[Any],
        namespace: str | None = None,
        *,
        kind: Patch = Patch.MERGE,
        subresource: str | None = None,
        **options: str,
    ) -> Object:
        path = resource.path(namespace, name, subresource)
        return await self._send("PATCH", path, options, patch, kind.value)

    async def apply(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        namespace: str | None = None,
        *,
        manager: str = FIELD_MANAGER,
        force: bool = False,
        subresource: str | None = None,
        **options: str,
    ) -> Object:
        """Server-side apply: creates or changes. Another manager's field raises `statuses.Conflict` unless `force`."""
        options = {**options, "fieldManager": manager, **_given(force="true" if force else "")}
        path = resource.path(_namespace(obj, namespace), obj["metadata"]["name"], subresource)
        return await self._send("PATCH", path, options, obj, Patch.APPLY.value)

    async def delete(
        self, resource: Resource, name: str, namespace: str | None = None, *, options: Mapping[str, Any] | None = None
    ) -> Object:
        """`options` are the fields of DeleteOptions; the answer is the object while it lingers, else a Status."""
        return await self._send("DELETE", resource.path(namespace, name), {}, _delete_options(options))

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> Object:
        parameters = _given(labelSelector=label_selector, fieldSelector=field_selector)
        return await self._send("DELETE", resource.path(namespace), parameters, _delete_options(options))

    async def read(self, path: str, query: Mapping[str, str] | None = None, accept: str = "application/json") -> Object:
        """GET of any path that answers JSON, such as a discovery document."""
        return await self._send("GET", path, query or {}, accept=accept)

    async def post(self, path: str, body: Mapping[str, Any]) -> Object:
        """POST to any path that answers JSON, such as the token of a ServiceAccount."""
        return await self._send("POST", path, {}, body)

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        lines = [("accept", accept), *([("content-type", content_type)] if body is not None else [])]
        data = b"" if body is None else encoding.to_json(body)
        answer = await self.connection.request(
            method, path, query=urlencode(query or {}), headers=Headers(lines), body=data
        )
        return decoded(answer)

    async def close(self) -> None:
        await self.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def decoded(answer: Response) -> Object:
    """The body of a good answer; a bad one is raised."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    if answer.status >= 300:
        raise refusal(answer.status, body, answer.headers)
    found = encoding.from_json(body)
    if not isinstance(found, dict):
        raise encoding.DecodeError("the server answered no object", f"it answered a {type(found).__name__}")
    return found


def refusal(status: int, body: bytes, headers: Headers) -> statuses.StatusError:
    """Also for answers that are no Status: the aggregator and proxies say no in plain text."""
    try:
        found = encoding.from_json(body)
    except encoding.DecodeError:
        found = None
    if not isinstance(found, dict) or found.get("kind") != "Status":
        found = {"message": " ".join(body.decode("utf-8", "replace").split())[:300]}
    error = statuses.from_object(found, status)
    after = headers.get("retry-after")
    if after.isdigit() and error.retry_after is None:
        error.details["retryAfterSeconds"] = int(after)
    return error


def _typed(page: Object) -> list[Object]:
    """The items of a list with the kind and version that the API leaves out of them."""
    kind, version = str(page.get("kind") or "").removesuffix("List"), page.get("apiVersion")
    return [{"apiVersion": version, "kind": kind, **item} for item in page.get("items") or ()]


def _namespace(obj: Mapping[str, Any], namespace: str | None) -> str | None:
    found: str | None = (obj.get("metadata") or {}).get("namespace")
    return namespace if namespace is not None else found


def _delete_options(options: Mapping[str, Any] | None) -> Object | None:
    return {"kind": "DeleteOptions", "apiVersion": "v1", **options} if options else None


def _given(**parameters: str) -> dict[str, str]:
    return {key: value for key, value in parameters.items() if value}


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Splits on newlines alone: text line splitters also split on U+0085 and U+2028, which JSON strings may hold.

    A last line without its end is dropped: the stream was cut inside an event.
    """
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
