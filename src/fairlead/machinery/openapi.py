"""OpenAPI v3 documents of one group version, written from the kinds that it serves.

kubectl reads three things in them: the schemas (explain), the query parameter `fieldValidation` of a kind's PATCH (or
it validates by itself, from v2), and the media types of that PATCH (a listed strategic merge is what `kubectl apply`
then sends, and custom resources answer 415 to it). So an operation here names exactly what its handler does.

The shape of each operation follows apiextensions-apiserver's `pkg/controller/openapi/builder` and was compared with a
real server's document; prose about the query parameters is left out, because no client shows it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.machinery.paths import GroupVersion, Resource

Object = dict[str, Any]

GVK = "x-kubernetes-group-version-kind"
COMPONENTS = "#/components/schemas/"
CUSTOM_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
BUILT_IN_PATCHES = (*CUSTOM_PATCHES, "application/strategic-merge-patch+json")

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_SCALE = "io.k8s.api.autoscaling.v1.Scale"
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"


@dataclass(frozen=True)
class Published:
    """A kind as its document shows it.

    A custom resource brings its `schema`; a built-in kind names its `component` in the document's definitions.
    """

    resource: Resource
    kind: str
    verbs: tuple[str, ...]
    """As discovery has them."""
    schema: Mapping[str, Any] | None = None
    component: str = ""
    list_kind: str = ""
    subresources: tuple[str, ...] = ()
    """Of `status` and `scale`."""
    patches: tuple[str, ...] = CUSTOM_PATCHES

    @property
    def name(self) -> str:
        """The component's name: the group reversed, the version, the kind."""
        return self.component or model_name(self.resource.group_version, self.kind)

    @property
    def list_name(self) -> str:
        list_kind = self.list_kind or f"{self.kind}List"
        return self.name.removesuffix(self.kind) + list_kind

    @property
    def type_meta(self) -> Object:
        return {"group": self.resource.group, "version": self.resource.version, "kind": self.kind}


def model_name(group_version: GroupVersion, kind: str) -> str:
    reverse = ".".join(reversed(group_version.group.split(".")))
    return f"{reverse}.{group_version.version}.{kind}" if reverse else f"{group_version.version}.{kind}"


def document(kinds: Iterable[Published], definitions: Mapping[str, Any], *, title: str = "Kubernetes") -> Object:
    """The v3 document of the kinds, which share one group version.

    `definitions`: v3 schemas by component name, from which whatever is referred to is taken (ObjectMeta and its like).
    """
    kinds = list(kinds)
    schemas: Object = {}
    paths: Object = {}
    for each in kinds:
        if each.schema is not None:
            schemas[each.name] = custom_schema(each)
            schemas[each.list_name] = _list_schema(each)
        paths.update(_paths(each))
    for name in sorted(reachable([paths, schemas], definitions)):
        schemas.setdefault(name, definitions[name])
    return {
        "openapi": "3.0.0",
        "info": {"title": title, "version": "unversioned"},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


# -- schemas -----------------------------------------------------------------------------------------------------------


def custom_schema(published: Published) -> Object:
    """The CRD's schema as it is published: type and metadata spelt out, the same inside embedded resources."""
    schema = _published(published.schema or {})
    schema["type"] = "object"
    schema["properties"] = {**schema.get("properties", {}), **_type_and_metadata("ObjectMeta", "object")}
    schema[GVK] = [published.type_meta]
    return schema


def _published(schema: Mapping[str, Any]) -> Object:
    found: Object = dict(schema)
    for key in ("items", "additionalProperties", "not"):
        if isinstance(found.get(key), Mapping):
            found[key] = _published(found[key])
    if "properties" in found:
        found["properties"] = {name: _published(each) for name, each in found["properties"].items()}
    if found.get("x-kubernetes-embedded-resource"):
        found["properties"] = {**found.get("properties", {}), **_type_and_metadata("ObjectMeta", "object")}
        found["required"] = sorted({*found.get("required", ()), "apiVersion", "kind"}, reverse=True)
    if found.get("x-kubernetes-int-or-string") and "anyOf" not in found and "allOf" not in found:
        found["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        found.pop("type", None)
    return found


def _type_and_metadata(metadata: str, what: str) -> Object:
    return {
        "apiVersion": {
            "type": "string",
            "description": "APIVersion defines the versioned schema of this representation of an object. "
            f"More info: {_CONVENTIONS}#resources",
        },
        "kind": {
            "type": "string",
            "description": "Kind is a string value representing the REST resource this object represents. "
            f"More info: {_CONVENTIONS}#types-kinds",
        },
        "metadata": {
            "description": f"Standard {what}'s metadata. More info: {_CONVENTIONS}#metadata",
            "allOf": [_reference(f"{_META}{metadata}")],
        },
    }


def _list_schema(published: Published) -> Object:
    list_kind = published.list_kind or f"{published.kind}List"
    items = {
        "type": "array",
        "items": _reference(published.name),
        "description": f"List of {published.resource.plural}.",
    }
    return {
        "type": "object",
        "description": f"{list_kind} is a list of {published.kind}",
        "required": ["items"],
        "properties": {"items": items, **_type_and_metadata("ListMeta", "list")},
        GVK: [{**published.type_meta, "kind": list_kind}],
    }


def _reference(name: str) -> Object:
    return {"$ref": f"{COMPONENTS}{name}"}


def references(value: Any) -> Iterator[str]:
    """Names of the schemas that a piece of a v2 or v3 document refers to."""
    if isinstance(value, Mapping):
        found = value.get("$ref")
        if isinstance(found, str):
            yield found.rpartition("/")[2]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from references(each)


def reachable(start: Any, definitions: Mapping[str, Any]) -> set[str]:
    """The definitions that are referred to from `start`, directly or through one another."""
    found: set[str] = set()
    waiting = [name for name in references(start) if name in definitions]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for each in references(definitions[name]) if each in definitions]
    return found


# -- paths -------------------------------------------------------------------------------------------------------------

_LISTING = (
    ("allowWatchBookmarks", "boolean"), ("continue", "string"), ("fieldSelector", "string"),
    ("labelSelector", "string"), ("limit", "integer"), ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"), ("timeoutSeconds", "integer"), ("watch", "boolean"),
)  # fmt: skip
_WRITING = (("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"))
_DELETING = (
    ("dryRun", "string"),
    ("gracePeriodSeconds", "integer"),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
)
# Method, verb of discovery, x-kubernetes-action, beginning of the operation's id, query parameters.
_COLLECTION = (
    ("get", "list", "list", "list", _LISTING),
    ("post", "create", "post", "create", _WRITING),
    ("delete", "deletecollection", "deletecollection", "delete", _LISTING),
)
_ITEM = (
    ("get", "get", "get", "read", (("resourceVersion", "string"),)),
    ("put", "update", "put", "replace", _WRITING),
    ("patch", "patch", "patch", "patch", (*_WRITING, ("force", "boolean"))),
    ("delete", "delete", "delete", "delete", _DELETING),
)


def _paths(published: Published) -> Iterator[tuple[str, Object]]:
    resource = published.resource
    base = resource.group_version.path
    if resource.namespaced:
        everywhere = _operations(published, _COLLECTION[:1], "ForAllNamespaces", ())
        if everywhere:
            yield f"{base}/{resource.plural}", everywhere
        base += "/namespaces/{namespace}"
    within = ("namespace",) if resource.namespaced else ()
    collection = _operations(published, _COLLECTION, "", within)
    if collection:
        yield f"{base}/{resource.plural}", collection
    item = _operations(published, _ITEM, "", ("name", *within))
    if item:
        yield f"{base}/{resource.plural}/{{name}}", item
    for each in published.subresources:
        content = _SCALE if each == "scale" else published.name
        part = _operations(published, _ITEM[:3], each.capitalize(), ("name", *within), content)
        yield f"{base}/{resource.plural}/{{name}}/{each}", part


def _operations(published: Published, table: Any, suffix: str, within: tuple[str, ...], content: str = "") -> Object:
    found: Object = {
        method: _operation(published, method, action, f"{begin}|{suffix}", query, content or published.name)
        for method, verb, action, begin, query in table
        if verb in published.verbs
    }
    if found:
        found["parameters"] = [*(_in_path(name) for name in within), _in_query("pretty", "string")]
    return found


def _operation(published: Published, method: str, action: str, identity: str, query: Any, content: str) -> Object:
    begin, suffix = identity.split("|")
    scope = "Namespaced" if published.resource.namespaced and suffix != "ForAllNamespaces" else ""
    group, version = _camel(published.resource.group_version)
    words = f"{group}{version}"
    many = "Collection" if action == "deletecollection" else ""
    operation: Object = {
        "tags": [f"{group[0].lower()}{group[1:]}_{version.lower()}"],
        "description": f"{begin} {published.kind}",
        "operationId": f"{begin}{words}{many}{scope}{published.kind}{suffix}",
        "parameters": [_in_query(name, kind) for name, kind in query],
        "responses": _responses(action, published, content),
        "x-kubernetes-action": action,
        GVK: published.type_meta,
    }
    body = _body(action, published, content)
    return operation | ({"requestBody": body} if body else {})


def _responses(action: str, published: Published, content: str) -> Object:
    name = {"list": published.list_name, "delete": f"{_META}Status", "deletecollection": f"{_META}Status"}.get(
        action, content
    )
    codes = {"post": ("200", "201", "202"), "put": ("200", "201"), "patch": ("200", "201"), "delete": ("200", "202")}
    words = {"200": "OK", "201": "Created", "202": "Accepted"}
    found: Object = {
        code: {"description": words[code], "content": _content(name)} for code in codes.get(action, ("200",))
    }
    return {**found, "401": {"description": "Unauthorized"}}


def _body(action: str, published: Published, content: str) -> Object | None:
    if action in ("post", "put"):
        return {"content": _content(content), "required": True}
    if action == "patch":
        return {
            "content": {each: {"schema": _reference(f"{_META}Patch")} for each in published.patches},
            "required": True,
        }
    return {"content": _content(f"{_META}DeleteOptions")} if action == "delete" else None


def _content(name: str) -> Object:
    return {each: {"schema": _reference(name)} for each in ("application/json", "application/yaml")}


def _in_query(name: str, kind: str) -> Object:
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def _in_path(name: str) -> Object:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}


def _camel(group_version: GroupVersion) -> tuple[str, str]:
    parts = (group_version.group or "core").replace("-", ".").split(".")
    return "".join(part.capitalize() for part in parts), group_version.version.capitalize()


# -- the index ---------------------------------------------------------------------------------------------------------


def digest(data: bytes) -> str:
    """What a document is called while it stays the same: the `hash` of its address, and quoted its ETag."""
    return hashlib.sha512(data).hexdigest().upper()


def index(digests: Mapping[GroupVersion, str]) -> Object:
    """The answer to `/openapi/v3`."""
    paths = {each.path.lstrip("/"): digests[each] for each in sorted(digests)}
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={value}"} for path, value in paths.items()}}
