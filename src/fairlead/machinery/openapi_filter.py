"""A served OpenAPI document, cut down to some kinds.

The connector publishes the control plane's own documents for the kinds that it offers, and nothing else of them: an
aggregated server that lists more shadows what others serve, and names that nobody may know. What stays is unchanged.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from fairlead.machinery.openapi import GVK, Object, reachable, references

Kind = tuple[str, str, str]
"""Group, version, kind."""

_PLURAL = re.compile(r"^(/api/[^/]+|/apis/[^/]+/[^/]+)/(?:watch/)?(?:namespaces/\{namespace\}/)?([^/{]+)")
_OPERATIONS = ("get", "put", "post", "delete", "patch", "head", "options")


def filter_v3(document: Mapping[str, Any], kinds: Collection[Kind]) -> Object:
    """Keeps the paths of the kinds and the schemas that these reach."""
    components = document.get("components") or {}
    paths, schemas = _filtered(document, kinds, components.get("schemas") or {})
    return {**document, "paths": paths, "components": {**components, "schemas": schemas}}


def filter_v2(document: Mapping[str, Any], kinds: Collection[Kind]) -> Object:
    """As `filter_v3`; shared parameters that no kept path names go too."""
    shared = document.get("parameters") or {}
    paths, definitions = _filtered(document, kinds, document.get("definitions") or {}, shared)
    named = set(references(paths))
    parameters = {name: each for name, each in shared.items() if name in named}
    return {**document, "paths": paths, "definitions": definitions} | ({"parameters": parameters} if shared else {})


def _filtered(
    document: Mapping[str, Any],
    kinds: Collection[Kind],
    schemas: Mapping[str, Any],
    shared: Mapping[str, Any] | None = None,
) -> tuple[Object, Object]:
    wanted = frozenset(kinds)
    offered = document.get("paths") or {}
    plurals = {_place(path) for path, item in offered.items() if wanted & set(_kinds_of(item))} - {None}
    paths = {path: item for path, item in offered.items() if _place(path) in plurals}
    own = {name: each for name, each in schemas.items() if wanted & set(_kinds(each.get(GVK)))}
    through = [shared[name] for name in references(paths) if shared and name in shared]
    names = {*own, *reachable([paths, own, through], schemas)}
    return paths, {name: schemas[name] for name in schemas if name in names}


def _place(path: str) -> tuple[str, str] | None:
    """Group version and plural of a path; its subresources share them. None for a path of no resource."""
    found = _PLURAL.match(path)
    return (found[1], found[2]) if found else None


def _kinds_of(item: Mapping[str, Any]) -> list[Kind]:
    return [kind for method in _OPERATIONS if method in item for kind in _kinds(item[method].get(GVK))]


def _kinds(value: Any) -> list[Kind]:
    """An operation carries one kind, a schema a list of them."""
    each_one = value if isinstance(value, list) else [value]
    return [(each["group"], each["version"], each["kind"]) for each in each_one if isinstance(each, Mapping)]
