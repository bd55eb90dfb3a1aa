"""Kubernetes API paths, read and built.

One reading serves the connector, the playground and the client. It follows RequestInfo of k8s.io/apiserver
(`pkg/endpoints/request/requestinfo.go`): the verb comes from the method, the name and `watch=true`, and the deprecated
`/watch/` prefix counts as a watch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fairlead.machinery.errors import FairleadError


class SegmentError(FairleadError):
    """A name that would be read as more than one; Kubernetes has no such names."""


@dataclass(frozen=True, order=True)
class GroupVersion:
    group: str
    """Empty for the core group."""
    version: str

    @classmethod
    def parse(cls, text: str) -> "GroupVersion":
        """Reads an `apiVersion`: `v1`, `apps/v1`."""
        group, _, version = text.rpartition("/")
        return cls(group, version)

    def __str__(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


@dataclass(frozen=True, order=True)
class Resource:
    """A resource as a URL names it; `plural` is what RBAC and Status call the resource."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def group_version(self) -> GroupVersion:
        return GroupVersion(self.group, self.version)

    @property
    def qualified(self) -> str:
        """`plural.group`, the name of its CRD and its name in messages; the bare plural in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path; a namespace of None means all namespaces (or a cluster-scoped resource).

        Raises `SegmentError`.
        """
        parts = [self.group_version.path]
        if namespace is not None and self.namespaced:
            parts += ["namespaces", _segment(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_segment(name))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)


def _segment(name: str) -> str:
    """Quoting would not do: a server reads a quoted slash as one, and `shop/secrets/a` of a namespace as a Secret."""
    if name in (".", "..") or "/" in name or "%" in name:
        raise SegmentError(f"{name!r} is no name", "names have neither / nor %", "give the name of one object alone")
    return quote(name, safe=":")


@dataclass(frozen=True)
class RequestInfo:
    """What a request asks, in the words of authorization. Empty strings where a part is absent."""

    verb: str
    """As RBAC names it (`deletecollection` included); for a non-resource path the lower-case method."""
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource(self) -> Resource:
        return Resource(self.group, self.version, self.plural, bool(self.namespace))


_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
# Subresources of a namespace itself; any other word after the name is a resource inside it.
_NAMESPACE_SUBRESOURCES = {"status", "finalize"}


def read(method: str, path: str, parameters: Mapping[str, str]) -> RequestInfo:
    """Never fails: what is no resource path is a non-resource request, as on the real server."""
    other = RequestInfo(method.lower(), path)
    parts = [part for part in path.split("/") if part]
    if not parts or parts[0] not in ("api", "apis"):
        return other
    head = 3 if parts[0] == "apis" else 2
    if len(parts) <= head:
        return other
    group, version = (parts[1], parts[2]) if parts[0] == "apis" else ("", parts[1])
    return _resource_request(method, path, group, version, parts[head:], parameters)


def _resource_request(
    method: str, path: str, group: str, version: str, rest: list[str], parameters: Mapping[str, str]
) -> RequestInfo:
    verb = _VERBS.get(method, "")
    if rest[0] in ("watch", "proxy") and len(rest) > 1:
        verb, rest = rest[0], rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    plural, name, subresource = (*rest[:3], "", "")[:3]
    if not name and verb in ("get", "watch"):
        name = _selected_name(parameters)
    if not (len(rest) > 1) and verb == "get":
        verb = "watch" if _true(parameters.get("watch")) else "list"
    elif verb == "get" and not name:
        verb = "list"
    if verb == "delete" and len(rest) == 1:
        verb = "deletecollection"
    return RequestInfo(verb, path, True, group, version, namespace, plural, name, subresource)


def _selected_name(parameters: Mapping[str, str]) -> str:
    for term in parameters.get("fieldSelector", "").split(","):
        key, _, value = term.partition("=")
        if key == "metadata.name" and value:
            return value.removeprefix("=")
    return ""


def _true(value: str | None) -> bool:
    """As the API server converts a query value: present and neither `0` nor `false`, in any case."""
    return value is not None and value.lower() not in ("0", "false")
