"""A kind with every shape that apply knows, objects of it, and the writes that a server would make of a request."""

import copy
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from fairlead.machinery import fieldsets
from fairlead.machinery.applying import FieldManager, keep_times
from fairlead.machinery.paths import Resource
from fairlead.machinery.schemas import Schema
from fairlead.machinery.shapes import object_shape

Object = dict[str, Any]

TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
STRUCT = {"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}}
SET = {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT}
NAMED = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": TEXT, "value": TEXT, "set": SET, "struct": STRUCT},
    },
}
PORTS = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    "items": {
        "type": "object",
        "required": ["port"],
        "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "name": TEXT},
    },
}
SPEC = {
    "text": TEXT,
    "number": {"type": "integer"},
    "real": {"type": "number"},
    "flag": {"type": "boolean"},
    "when": {"type": "string", "format": "date-time"},
    "port": {"x-kubernetes-int-or-string": True},
    "maybe": {"type": "string", "nullable": True},
    "withDefault": {"type": "string", "default": "d"},
    "struct": STRUCT,
    "whole": {**STRUCT, "x-kubernetes-map-type": "atomic"},
    "texts": TEXTS,
    "wholeTexts": {**TEXTS, "x-kubernetes-map-type": "atomic"},
    "plain": {"type": "array", "items": TEXT},
    "set": SET,
    "numbers": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "integer"}},
    "named": NAMED,
    "ports": PORTS,
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "half": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"known": SET}},
}
STATUS = {
    "phase": TEXT,
    "conditions": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {"type": "object", "required": ["type"], "properties": {"type": TEXT, "status": TEXT}},
    },
}
OPENAPI = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "properties": SPEC},
        "status": {"type": "object", "properties": STATUS},
    },
}
CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "shapes.apply.test"},
    "spec": {
        "group": "apply.test",
        "scope": "Namespaced",
        "names": {"kind": "Shape", "plural": "shapes", "singular": "shape", "listKind": "ShapeList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": OPENAPI},
            }
        ],
    },
}
API_VERSION = "apply.test/v1"
RESOURCE = Resource("apply.test", "v1", "shapes")
SCHEMA = Schema.compile(OPENAPI)
SHAPE = object_shape(SCHEMA.node)
MAIN = FieldManager({API_VERSION: SHAPE}, API_VERSION, "Shape", resets=(fieldsets.path("status"),))
STATUS_ONLY = FieldManager(
    {API_VERSION: SHAPE}, API_VERSION, "Shape", "status", (fieldsets.path("metadata"), fieldsets.path("spec"))
)
MANAGERS = ("m1", "m2", "kubectl")
TIME = "2030-01-01T00:00:00Z"

# --- objects ---

text = st.sampled_from("abc")
number = st.integers(0, 2)


def some(values: list[Any]) -> SearchStrategy[list[Any]]:
    """Of the values, each at most once, in any order."""
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values))


def optional(**fields: SearchStrategy[Any]) -> SearchStrategy[Object]:
    return st.fixed_dictionaries({}, optional=fields)


struct = optional(a=text, b=number)
entry = st.fixed_dictionaries(
    {"name": st.sampled_from("nmo")}, optional={"value": text, "set": some(["a", "b"]), "struct": struct}
)
port = st.fixed_dictionaries(
    {"port": st.sampled_from([80, 81])}, optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": text}
)
free = st.sampled_from([{}, {"x": 1}, {"x": {"y": [1, {"z": 2}]}}, {"x": {"y": 2}}, {"x": "s", "w": None}, {"l": [1]}])
specs = optional(
    text=text,
    number=number,
    real=st.sampled_from([0.5, 1, 2.0]),
    flag=st.booleans(),
    when=st.sampled_from(["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
    port=st.sampled_from([80, "http"]),
    maybe=st.sampled_from([None, "x"]),
    withDefault=text,
    struct=struct,
    whole=struct,
    texts=st.dictionaries(st.sampled_from("kl"), text),
    wholeTexts=st.dictionaries(st.sampled_from("kl"), text),
    plain=some(["a", "b"]),
    set=some(["a", "b", "c", "d"]),
    numbers=some([1, 2, 10]),
    named=st.lists(entry, unique_by=lambda each: each["name"], max_size=3),
    ports=st.lists(port, unique_by=lambda each: (each["port"], each.get("protocol", "TCP")), max_size=3),
    free=free,
    half=st.builds(lambda one, other: {**one, **other}, free, optional(known=some(["a", "b"]))),
)
statuses = optional(
    phase=text,
    conditions=some(["A", "B"]).map(lambda types: [{"type": each, "status": "True"} for each in types]),
)
owners = some(["u", "v"]).map(
    lambda uids: [{"apiVersion": "v1", "kind": "ConfigMap", "name": each, "uid": each} for each in uids]
)
metadata = optional(
    labels=st.dictionaries(st.sampled_from("kl"), text),
    annotations=st.dictionaries(st.sampled_from("kl"), text),
    finalizers=some(["a.b/c", "d.e/f"]),
    ownerReferences=owners,
)


def named(spec: Object, meta: Object, name: str = "x") -> Object:
    return {"apiVersion": API_VERSION, "kind": "Shape", "metadata": {**meta, "name": name}, "spec": spec}


configs = st.builds(named, specs, metadata)

# --- what a server does around a field manager ---


def tidy(obj: Object) -> Object:
    """Metadata as its Go type writes it: without what is empty."""
    obj["metadata"] = {name: each for name, each in obj["metadata"].items() if each not in ({}, [], None)}
    return obj


def received(obj: Object) -> Object:
    """A body as the server decodes it."""
    obj = copy.deepcopy(obj)
    SCHEMA.default(obj)
    return tidy(obj)


def finished(new: Object, live: Object | None, status: bool = False) -> Object:
    """Defaulted, and reset to what the endpoint may change."""
    new = copy.deepcopy(new)
    SCHEMA.default(new)
    if status and live:
        managed = new["metadata"].get("managedFields")
        kept = {name: each for name, each in live.items() if name != "status"}
        new = {**kept, **({"status": new["status"]} if "status" in new else {})}
        new["metadata"] = {**live["metadata"], "managedFields": managed}
    else:
        new.pop("status", None)
        new |= {"status": live["status"]} if live and "status" in live else {}
    tidy(new)
    return keep_times(live, new) if live else new


def comparable(obj: Object) -> Object:
    """Without what only a server knows; of a time, whether there is one."""
    obj = copy.deepcopy(obj)
    for name in ("uid", "resourceVersion", "generation", "creationTimestamp", "namespace"):
        obj["metadata"].pop(name, None)
    entries = obj["metadata"].pop("managedFields", None) or []
    entries = [{**each, "time": bool(each.get("time"))} for each in entries]
    obj["managed"] = sorted(entries, key=lambda each: (each["operation"], each["manager"], each.get("subresource", "")))
    return obj
