"""Discovery, version and OpenAPI: what clients ask before they ask for anything."""

import hashlib
from collections.abc import Callable
from typing import Any

from fairlead.embedded import builtin_schemas
from fairlead.embedded.answering import negotiate, plain_not_found, written
from fairlead.embedded.catalog import Catalog
from fairlead.embedded.kinds import Kind
from fairlead.machinery import discovery
from fairlead.machinery.discovery import APIGroup
from fairlead.machinery.encoding import to_json
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.negotiation import JSON, YAML
from fairlead.machinery.paths import GroupVersion

Object = dict[str, Any]

# What this server behaves like; clients choose features by it.
VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3+fairlead",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
_PLAIN = (JSON, YAML)


class Explorer:
    def __init__(self, catalog: Catalog, remote: Callable[[], list[APIGroup]], address: Callable[[], str]) -> None:
        """`remote`: what the servers behind APIServices serve now; `address`: our own `host:port`."""
        self._catalog = catalog
        self._remote = remote
        self._address = address

    def handle(self, request: Request) -> Response:
        """A path that none of these documents has is answered with a plain 404."""
        parts = [part for part in request.path.split("/") if part]
        match parts:
            case ["version"]:
                return written(VERSION, negotiate(request, _PLAIN))
            case ["api"]:
                return self._root(request, discovery.core_versions(self._address()), core=True)
            case ["apis"]:
                return self._root(request, discovery.group_list(self.groups()), core=False)
            case ["api", version]:
                return self._version(request, GroupVersion("", version))
            case ["apis", name]:
                return self._group(request, name)
            case ["apis", name, version]:
                return self._version(request, GroupVersion(name, version))
        return plain_not_found()

    def groups(self) -> list[APIGroup]:
        """Our own and, merged by name, those behind APIServices: what is passed on is not ours to describe."""
        found = {each.name: each for each in self._catalog.groups()}
        for each in self._remote():
            theirs = {version.version for version in each.versions}
            known = found.get(each.name, APIGroup(each.name))
            ours = tuple(version for version in known.versions if version.version not in theirs)
            found[each.name] = APIGroup(each.name, (*ours, *each.versions))
        return list(found.values())

    def _root(self, request: Request, legacy: Object, *, core: bool) -> Response:
        media = negotiate(request, (JSON, discovery.AGGREGATED, YAML))
        if media != discovery.AGGREGATED:
            return written(legacy, media)
        groups = [each for each in self.groups() if bool(each.name) != core]
        return with_etag(request, to_json(discovery.aggregated(groups)), discovery.AGGREGATED_CONTENT_TYPE)

    def _group(self, request: Request, name: str) -> Response:
        found = next((each for each in self.groups() if each.name == name), None)
        if found is None or not found.versions:
            return plain_not_found()
        return written(discovery.group_document(found), negotiate(request, _PLAIN))

    def _version(self, request: Request, group_version: GroupVersion) -> Response:
        group = next((each for each in self._catalog.groups() if each.name == group_version.group), None)
        version = group.version(group_version.version) if group else None
        if version is None:
            return plain_not_found()
        return written(discovery.resource_list(group_version, version.resources), negotiate(request, _PLAIN))


def with_etag(request: Request, body: bytes, content_type: str) -> Response:
    tag = f'"{hashlib.sha512(body).hexdigest().upper()}"'
    lines = [("cache-control", "public"), ("content-type", content_type), ("etag", tag), ("vary", "Accept")]
    if request.headers.get("if-none-match") == tag:
        return Response(304, Headers(lines[:1] + lines[2:]))
    return Response(200, Headers(lines), body)


class OpenAPI:
    """`/openapi/v3` and `/openapi/v2`, made when first asked for and again when the kinds have changed."""

    def __init__(self, catalog: Catalog, remote: Callable[[], Object]) -> None:
        """`remote`: the entries of the servers behind APIServices in the index of v3."""
        self._catalog = catalog
        self._remote = remote

    def handle(self, request: Request) -> Response:
        from fairlead.machinery import openapi, openapi_v2

        media = negotiate(request, _PLAIN)
        if request.path.rstrip("/") == "/openapi/v2":
            documents = [self._document(each) for each in self._group_versions()]
            return with_etag(request, to_json(openapi_v2.document(documents)), "application/json")
        if request.path.rstrip("/") == "/openapi/v3":
            digests = {each: openapi.digest(to_json(self._document(each))) for each in self._group_versions()}
            index = openapi.index(digests)
            return written({**index, "paths": {**index["paths"], **self._remote()}}, media)
        wanted = request.path.removeprefix("/openapi/v3")
        for each in self._group_versions():
            if each.path == wanted:
                return with_etag(request, to_json(self._document(each)), "application/json")
        return plain_not_found()

    def _group_versions(self) -> list[GroupVersion]:
        return list(dict.fromkeys(each.group_version for each in self._catalog.kinds()))

    def _document(self, group_version: GroupVersion) -> Object:
        from fairlead.machinery import openapi

        members = [published(each) for each in self._catalog.kinds() if each.group_version == group_version]
        return openapi.document(members, builtin_schemas.definitions())


def published(kind: Kind) -> Any:
    from fairlead.machinery.openapi import BUILT_IN_PATCHES, CUSTOM_PATCHES, Published

    node = kind.node()
    return Published(
        kind.resource,
        kind.kind,
        kind.verbs,
        dict(node.source) if kind.custom and node else None,
        "" if kind.custom else builtin_schemas.component(kind.api_version, kind.kind),
        kind.list_kind,
        tuple(each.name for each in kind.subresources if each.name in ("status", "scale")),
        CUSTOM_PATCHES if kind.custom else BUILT_IN_PATCHES,
    )
