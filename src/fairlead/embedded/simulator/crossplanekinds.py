"""Crossplane's own kinds as a world of the playground serves them: CRDs made of a short table.

Crossplane's CRDs are a megabyte, most of it the schema of a Deployment. What users, tools and the simulator look at is
a few dozen fields, so the table in `data/crossplane_kinds.yaml` names these, and unknown ones are kept where Crossplane
has more. A test compares names, scopes, columns and what is required with the real CRDs. Usages are left out: what they
do is done by an admission webhook, which the playground does not call. So are operations: no program runs here.
"""

from functools import cache
from importlib import resources
from typing import Any

from fairlead.embedded.simulator.composing import SIMULATED
from fairlead.machinery.encoding import from_yaml
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

_STRING = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_STATUS: Object = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["lastTransitionTime", "reason", "status", "type"],
                "properties": {
                    **dict.fromkeys(("type", "status", "reason", "message"), _STRING),
                    "lastTransitionTime": _TIME,
                    "observedGeneration": {"type": "integer", "format": "int64"},
                },
            },
        }
    },
}


@cache
def _table() -> list[Object]:
    text = resources.files(__package__).joinpath("data", "crossplane_kinds.yaml").read_text(encoding="utf-8")
    found: list[Object] = from_yaml(text)
    return found


def resource(kind: str) -> Resource:
    """Of one of Crossplane's kinds; all are cluster-scoped."""
    told = next(each for each in _table() if each["kind"] == kind)
    return Resource(told["group"], told["version"], told["plural"], namespaced=False)


def crds() -> list[Object]:
    return [_crd(each) for each in _table()]


def _crd(told: Object) -> Object:
    kind, plural = told["kind"], told["plural"]
    names: Object = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    if (more := told.get("categories", ())) is not None:
        names["categories"] = ["crossplane", *more]
    if told.get("shortNames"):
        names["shortNames"] = told["shortNames"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{told['group']}", "annotations": dict(SIMULATED)},
        "spec": {"group": told["group"], "scope": "Cluster", "names": names, "versions": [_version(told)]},
    }


def _version(told: Object) -> Object:
    properties: Object = dict(told.get("root") or {})
    if "spec" in told:
        properties["spec"] = told["spec"]
    if told.get("status"):
        properties["status"] = _STATUS
    said = "SIMULATED by the Fairlead playground."
    schema: Object = {"type": "object", "description": said, "properties": properties}
    return {
        "name": told["version"],
        "served": True,
        "storage": True,
        "subresources": {"status": {}} if told.get("status") else {},
        "additionalPrinterColumns": _columns(told),
        "schema": {"openAPIV3Schema": schema},
    }


def _columns(told: Object) -> list[Object]:
    shown = [{"name": name, "type": "string", "jsonPath": path} for name, path in (told.get("columns") or {}).items()]
    age = {"name": "AGE", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    wide = [
        {"name": name, "type": "string", "jsonPath": path, "priority": 1}
        for name, path in (told.get("wide") or {}).items()
    ]
    return [*shown, age, *wide]
