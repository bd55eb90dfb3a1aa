"""Discovery and OpenAPI: what the aggregator and clients ask before they ask for objects.

Answered from the catalog alone, so that an outage of the control plane leaves the APIs known and namespaces are not
deleted past them. Never a redirect, which the aggregator turns into 502, and never 404 for `/openapi/v3`, after which
it would believe for good that there is none.

Source: reference/aggregation-layer.md §3, §4.
"""

from fairlead import __version__
from fairlead.connector.catalog import Catalog, digest
from fairlead.machinery import discovery, negotiation, statuses
from fairlead.machinery.encoding import to_json
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.negotiation import JSON
from fairlead.machinery.paths import GroupVersion

_OPENAPI_V3 = "/openapi/v3"


def answer(request: Request, catalog: Catalog) -> Response:
    """Raises `StatusError`."""
    if request.method not in ("GET", "HEAD"):
        raise statuses.MethodNotAllowed("the server does not allow this method on the requested resource", {})
    parts = [part for part in request.path.split("/") if part]
    if parts[:2] == ["openapi", "v3"]:
        return _openapi_v3(request, catalog, parts[2:])
    if parts == ["openapi", "v2"]:
        return _openapi_v2(request, catalog)
    if parts == ["version"]:
        return _cached(request, to_json({"major": "", "minor": "", "gitVersion": f"v{__version__}+fairlead"}))
    if parts in (["api"], ["apis"]):
        return _root(request, catalog, parts[0])
    if len(parts) in (2, 3) and parts[0] == "apis":
        return _of_a_group(request, catalog, *parts[1:])
    raise statuses.no_such_resource()


def _root(request: Request, catalog: Catalog, root: str) -> Response:
    groups = catalog.groups if root == "apis" else ()
    accept = ",".join(request.headers.all("accept"))
    choice = negotiation.choose(accept, (JSON, discovery.AGGREGATED))
    if choice is None:
        raise statuses.NotAcceptable("only the following media types are accepted: application/json")
    if choice is discovery.AGGREGATED:
        return _cached(request, to_json(discovery.aggregated(groups)), discovery.AGGREGATED_CONTENT_TYPE)
    if root == "api":
        return _cached(request, to_json({"kind": "APIVersions", "versions": [], "serverAddressByClientCIDRs": []}))
    return _cached(request, to_json(discovery.group_list(groups)))


def _of_a_group(request: Request, catalog: Catalog, group: str, version: str = "") -> Response:
    if version:
        group_version = GroupVersion(group, version)
        resources = catalog.resources(group_version)
        if resources is None:
            raise statuses.no_such_resource()
        return _cached(request, to_json(discovery.resource_list(group_version, resources)))
    for each in catalog.groups:
        if each.name == group:
            return _cached(request, to_json(discovery.group_document(each)))
    raise statuses.no_such_resource()


def _openapi_v3(request: Request, catalog: Catalog, rest: list[str]) -> Response:
    if not rest:
        paths = {
            group_version.path[1:]: {"serverRelativeURL": f"{_OPENAPI_V3}{group_version.path}?hash={digest(document)}"}
            for group_version, document in catalog.openapi.items()
        }
        return _cached(request, to_json({"paths": paths}))
    document = catalog.openapi.get(GroupVersion(*rest[1:])) if len(rest) == 3 and rest[0] == "apis" else None
    if document is None:
        raise statuses.no_such_resource()
    return _cached(request, document, immutable=request.parameters.get("hash") == digest(document))


def _openapi_v2(request: Request, catalog: Catalog) -> Response:
    if not catalog.openapi_v2:
        raise statuses.ServiceUnavailable("the control plane serves no OpenAPI v2", {"retryAfterSeconds": 60})
    return _cached(request, catalog.openapi_v2)


def _cached(
    request: Request, body: bytes, content_type: str = "application/json", *, immutable: bool = False
) -> Response:
    """With a tag, or 304 for a client that has it."""
    tag = f'"{digest(body)}"'
    lines = [
        ("etag", tag),
        ("vary", "Accept"),
        ("cache-control", "public, immutable, max-age=31536000" if immutable else "public"),
    ]
    if tag in [each.strip() for each in request.headers.get("if-none-match").split(",")]:
        return Response(304, Headers(lines))
    return Response(200, Headers([("content-type", content_type), *lines]), body)
