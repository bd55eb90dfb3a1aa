"""The CRDs that an XRD generates: one for its composite, one for its claim.

The playground's simulator installs them, `explain` and validation read them before Crossplane has them, and a test
compares them with what Crossplane's own renderer makes of the same XRDs. Of the author's schema Crossplane takes only
description, rules, properties, required, oneOf and preserve-unknown-fields of spec and status; everything else is its
own, and its own fields win over the author's of the same name. Source: crossplane-runtime v2.3 `pkg/xcrd`.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from fairlead.crossplane.xrds import KIND, LEGACY_CLUSTER, NAMESPACED, V1, DefinitionError, scope

Object = dict[str, Any]

MAX_NAME = 63
"""Names become label values."""

_STRING = {"type": "string"}
_NAME = {"type": "object", "required": ["name"], "properties": {"name": _STRING}}
_LABELS = {"type": "object", "additionalProperties": _STRING}
_SELECTOR = {"type": "object", "required": ["matchLabels"], "properties": {"matchLabels": _LABELS}}
_READY = [
    {"name": name, "type": "string", "jsonPath": f".status.conditions[?(@.type=='{kind}')].status"}
    for name, kind in (("SYNCED", "Synced"), ("READY", "Ready"))
]
_AGE = {"name": "AGE", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def composite_crd(xrd: Mapping[str, Any]) -> Object:
    """Raises `DefinitionError` where Crossplane could not render it either."""
    spec, within = xrd["spec"], scope(xrd)
    crd = _crd(xrd, spec["names"], "composite", xrd["metadata"]["name"])
    crd["spec"]["scope"] = "Namespaced" if within == NAMESPACED else "Cluster"
    for version in crd["spec"]["versions"]:
        fields = _composite_spec(within, spec.get("defaultCompositionUpdatePolicy"))
        _finish(version, _composite_columns(within), fields, _status(within))
    return crd


def claim_crd(xrd: Mapping[str, Any]) -> Object:
    """Raises `DefinitionError` for an XRD that offers no claim or names it as its composite."""
    spec = xrd["spec"]
    names = spec.get("claimNames")
    _check_claim_names(xrd, names)
    crd = _crd(xrd, names, "claim", f"{names['plural']}.{spec['group']}")
    crd["spec"]["scope"] = "Namespaced"
    for version in crd["spec"]["versions"]:
        fields = _claim_spec(spec.get("defaultCompositeDeletePolicy"))
        _finish(version, _claim_columns(), fields, _status(LEGACY_CLUSTER))
    return crd


def _check_claim_names(xrd: Mapping[str, Any], names: Mapping[str, Any] | None) -> None:
    what = f'the XRD "{xrd["metadata"]["name"]}" offers no claim'
    if not names:
        raise DefinitionError(what, "it has no claimNames")
    for key in ("kind", "plural", "singular", "listKind"):
        if names.get(key) and names[key] == xrd["spec"]["names"].get(key):
            raise DefinitionError(what, f'"{names[key]}" conflicts with composite resource name')


def _crd(xrd: Mapping[str, Any], names: Mapping[str, Any], category: str, name: str) -> Object:
    spec, metadata = xrd["spec"], xrd["metadata"]
    own = spec.get("metadata") or {}
    owner = {
        "apiVersion": str(V1.group_version),
        "kind": KIND,
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    about: Object = {"name": name, "ownerReferences": [owner]}
    labels = {**(metadata.get("labels") or {}), **(own.get("labels") or {})}
    for key, value in (("labels", labels), ("annotations", dict(own.get("annotations") or {}))):
        if value:
            about[key] = value
    crd: Object = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": about,
        "spec": {
            "group": spec["group"],
            "names": {**deepcopy(dict(names)), "categories": [*(names.get("categories") or ()), category]},
            "versions": [_version(xrd, each) for each in spec["versions"]],
        },
    }
    if spec.get("conversion"):
        crd["spec"]["conversion"] = deepcopy(spec["conversion"])
    return crd


def _version(xrd: Mapping[str, Any], version: Mapping[str, Any]) -> Object:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        what = f'the version "{version.get("name")}" of the XRD "{xrd["metadata"]["name"]}" has no schema'
        raise DefinitionError(what, "Crossplane renders no CRD for it")
    found: Object = {
        "name": version["name"],
        "served": bool(version.get("served")),
        "storage": bool(version.get("referenceable")),
        "schema": {"openAPIV3Schema": _schema(schema)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": deepcopy(version.get("additionalPrinterColumns") or []),
    }
    for key in ("deprecated", "deprecationWarning"):
        if version.get(key):
            found[key] = version[key]
    scale = (version.get("subresources") or {}).get("scale")
    if scale:
        found["subresources"]["scale"] = deepcopy(scale)
    return found


def _schema(author: Mapping[str, Any]) -> Object:
    properties = author.get("properties") or {}
    spec = _taken(properties.get("spec") or {}, "x-kubernetes-preserve-unknown-fields")
    named = ((properties.get("metadata") or {}).get("properties") or {}).get("name") or {}
    longest = min(MAX_NAME, named.get("maxLength", MAX_NAME))
    found: Object = {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": _STRING,
            "kind": _STRING,
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": longest}}},
            "spec": spec,
            "status": _taken(properties.get("status") or {}),
        },
    }
    for key in ("description", "x-kubernetes-validations"):
        if author.get(key):
            found[key] = deepcopy(author[key])
    return found


def _taken(author: Mapping[str, Any], *more: str) -> Object:
    """What Crossplane copies of the author's schema of spec or status."""
    found: Object = {"type": "object", "properties": deepcopy(dict(author.get("properties") or {}))}
    for key in ("description", "required", "oneOf", "x-kubernetes-validations", *more):
        if author.get(key):
            found[key] = deepcopy(author[key])
    return found


def _finish(version: Object, columns: list[Object], spec: Object, status: Object) -> None:
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"].update(deepcopy(spec))
    properties["status"]["properties"].update(deepcopy(status))
    version["additionalPrinterColumns"] += columns


# -- Crossplane's own fields -------------------------------------------------------------------------------------------


def _selection(update_policy: str | None) -> Object:
    policy: Object = {"type": "string", "enum": ["Automatic", "Manual"]}
    return {
        "compositionRef": _NAME,
        "compositionSelector": _SELECTOR,
        "compositionRevisionRef": _NAME,
        "compositionRevisionSelector": _SELECTOR,
        "compositionUpdatePolicy": policy | ({"default": update_policy} if update_policy else {}),
    }


def _composite_spec(within: str, update_policy: str | None) -> Object:
    fields = {**_selection(update_policy), "resourceRefs": _resource_refs(within)}
    if within == LEGACY_CLUSTER:
        return {
            **fields,
            "claimRef": _strings("apiVersion", "kind", "namespace", "name"),
            "writeConnectionSecretToRef": _strings("name", "namespace"),
        }
    what = "Configures how Crossplane will reconcile this composite resource"
    return {"crossplane": {"type": "object", "description": what, "properties": fields}}


def _resource_refs(within: str) -> Object:
    names = ("apiVersion", "name", "kind") if within == NAMESPACED else ("apiVersion", "name", "namespace", "kind")
    item = {**_strings(*names), "required": ["apiVersion", "kind"]}
    return {"type": "array", "items": item, "x-kubernetes-list-type": "atomic"}


def _claim_spec(delete_policy: str | None) -> Object:
    policy: Object = {"type": "string", "enum": ["Background", "Foreground"]}
    return {
        **_selection(None),
        "compositeDeletePolicy": policy | ({"default": delete_policy} if delete_policy else {}),
        "resourceRef": _strings("apiVersion", "kind", "name"),
        "writeConnectionSecretToRef": _NAME,
    }


def _strings(*names: str) -> Object:
    return {"type": "object", "required": list(names), "properties": dict.fromkeys(names, _STRING)}


def _status(within: str) -> Object:
    time = {"type": "string", "format": "date-time"}
    condition = _strings("lastTransitionTime", "reason", "status", "type")
    condition["properties"] |= {"lastTransitionTime": time, "message": _STRING,
                                "observedGeneration": {"type": "integer", "format": "int64"}}  # fmt: skip
    fields: Object = {
        "conditions": {
            "description": "Conditions of the resource.",
            "type": "array",
            "items": condition,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        }
    }
    if within == LEGACY_CLUSTER:
        fields["connectionDetails"] = {"type": "object", "properties": {"lastPublishedTime": time}}
        fields["claimConditionTypes"] = {"type": "array", "items": _STRING, "x-kubernetes-list-type": "set"}
    return fields


def _composite_columns(within: str) -> list[Object]:
    base = ".spec" if within == LEGACY_CLUSTER else ".spec.crossplane"
    revision = f"{base}.compositionRevisionRef.name"
    return [
        *_READY,
        {"name": "COMPOSITION", "type": "string", "jsonPath": f"{base}.compositionRef.name"},
        {"name": "COMPOSITIONREVISION", "type": "string", "jsonPath": revision, "priority": 1},
        _AGE,
    ]


def _claim_columns() -> list[Object]:
    secret = {"name": "CONNECTION-SECRET", "type": "string", "jsonPath": ".spec.writeConnectionSecretToRef.name"}
    return [*_READY, secret, _AGE]
