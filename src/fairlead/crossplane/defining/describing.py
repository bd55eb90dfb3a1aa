"""What an XRD offers to whoever writes a claim or a composite: its fields in lines, and manifests to begin with.

A schema as JSON costs ten times what it says. A line per field, with what may be written there, is what a person reads
in `kubectl explain`; the sample fills in what is required and nothing else, because a guess at the rest is a wrong one.

Source: issue Crossplane toolset, 3 (describe_xrd_schema); reference/crossplane.md §2.3, §3.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fairlead.crossplane.defining import generating
from fairlead.crossplane.xrds import NAMESPACED, DefinitionError, Names, scope

Object = dict[str, Any]
Schema = Mapping[str, Any]
_DEEPEST = 8
_NEAR = 8
_BOUNDS = (
    ("minimum", "≥"),
    ("maximum", "≤"),
    ("minLength", "length ≥"),
    ("maxLength", "length ≤"),
    ("pattern", "like"),
    ("format", "format"),
)
_SAMPLES = {"string": "…", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}


def version(xrd: Mapping[str, Any], name: str = "") -> Object:
    """By its name; else the referenceable one. Raises `DefinitionError`."""
    versions = (xrd.get("spec") or {}).get("versions") or ()
    found = next((each for each in versions if (each.get("name") == name if name else each.get("referenceable"))), None)
    if found is None:
        there = ", ".join(str(each.get("name")) for each in versions)
        raise DefinitionError(f"the XRD has no version {name or 'that is referenceable'}", "", f"there are: {there}")
    return dict(found)


def find(xrds: Iterable[Object], named: str) -> Object:
    """By the XRD's own name, or any name of a kind that it makes. Raises `DefinitionError` with those that are near."""
    known = list(xrds)
    exact = [each for each in known if each["metadata"]["name"] == named]
    found = exact or [each for each in known if named.lower() in _called(each)]
    if len(found) == 1:
        return found[0]
    what, there = f"{len(found)} XRDs make {named!r}", found
    if not found:
        what, there = f"no XRD makes {named!r}", sorted(known, key=lambda each: _distance(each, named.lower()))[:_NEAR]
    names = ", ".join(str(each["metadata"]["name"]) for each in there) or "none"
    raise DefinitionError(what, "", f"{'there are' if found else 'near'}: {names}")


def _called(xrd: Mapping[str, Any]) -> set[str]:
    """What kubectl takes for its kinds, in lower case."""
    spec = xrd.get("spec") or {}
    names = [Names.read(spec[each]) for each in ("names", "claimNames") if spec.get(each)]
    bare = {called.lower() for each in names for called in (each.kind, each.plural, each.singular, *each.short_names)}
    return bare | {f"{each}.{spec.get('group')}" for each in bare}


def _distance(xrd: Mapping[str, Any], named: str) -> float:
    return -max(difflib.SequenceMatcher(None, each, named).ratio() for each in (xrd["metadata"]["name"], *_called(xrd)))


def fields(xrd: Mapping[str, Any], name: str = "") -> list[str]:
    """Of the author's spec and status, a line each, required ones with an asterisk. Raises `DefinitionError`."""
    properties = _schema(version(xrd, name)).get("properties") or {}
    parts = {part: properties.get(part) or {} for part in ("spec", "status")}
    return [line for part, each in parts.items() for line in (*_whole(each, part), *_lines(each, part, 0))]


def _whole(schema: Schema, part: str) -> list[str]:
    """What holds for all of its fields together."""
    told = _rules(schema) + (["further fields are kept"] if schema.get("x-kubernetes-preserve-unknown-fields") else [])
    return [f"{part}: {', '.join(told)}"] if told else []


def _schema(found: Mapping[str, Any]) -> Schema:
    schema = (found.get("schema") or {}).get("openAPIV3Schema")
    return schema if isinstance(schema, Mapping) else {}


def _lines(schema: Schema, path: str, depth: int) -> Iterator[str]:
    required = set(schema.get("required") or ())
    for name, each in (schema.get("properties") or {}).items():
        if not isinstance(each, Mapping):
            continue
        here, inner = f"{path}.{name}", each
        if each.get("type") == "array" and isinstance(each.get("items"), Mapping):
            here, inner = f"{here}[]", each["items"]
        elif isinstance(each.get("additionalProperties"), Mapping):
            here, inner = f"{here}.*", each["additionalProperties"]
        yield f"{here}{'*' if name in required else ''}: {_said(each, inner)}"
        if depth < _DEEPEST:
            yield from _lines(inner, here, depth + 1)


def _said(schema: Schema, inner: Schema) -> str:
    told = [str(inner.get("type") or ("any" if inner.get("x-kubernetes-preserve-unknown-fields") else "object"))]
    if inner.get("enum"):
        told.append("one of " + ", ".join(map(str, inner["enum"])))
    told += [f"{sign} {inner[key]}" for key, sign in _BOUNDS if key in inner]
    told += [f"{sign} {schema[key]} items" for key, sign in (("minItems", "≥"), ("maxItems", "≤")) if key in schema]
    if "default" in schema:
        told.append(f"default {schema['default']!r}")
    told += _rules(inner)
    description = " ".join(str(schema.get("description") or "").split())
    return ", ".join(told) + (f" — {description}" if description else "")


def _rules(schema: Schema) -> list[str]:
    found = schema.get("x-kubernetes-validations") or ()
    return [f"rule: {each.get('message') or each.get('rule')}" for each in found]


def samples(xrd: Mapping[str, Any], name: str = "") -> list[Object]:
    """A claim where one is offered, else a composite: with what is required alone. Raises `DefinitionError`."""
    found, spec = version(xrd, name), xrd["spec"]
    required = _sample((_schema(found).get("properties") or {}).get("spec") or {})
    names = spec.get("claimNames") or spec["names"]
    namespaced = bool(spec.get("claimNames")) or scope(xrd) == NAMESPACED
    metadata = {"name": f"my-{names['kind'].lower()}", **({"namespace": "default"} if namespaced else {})}
    return [
        {
            "apiVersion": f"{spec['group']}/{found['name']}",
            "kind": names["kind"],
            "metadata": metadata,
            "spec": required if isinstance(required, dict) else {},
        }
    ]


def _sample(schema: Schema) -> Any:
    if "default" in schema:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        return {name: _sample(properties[name]) for name in schema.get("required") or () if name in properties}
    if schema.get("type") in ("integer", "number") and "minimum" in schema:
        return schema["minimum"]
    return _SAMPLES.get(str(schema.get("type")), {})


def crds(xrd: Mapping[str, Any]) -> list[str]:
    """Names of the CRDs that it makes. Raises `DefinitionError` where Crossplane could not render them either."""
    found = [generating.composite_crd(xrd)]
    found += [generating.claim_crd(xrd)] if (xrd.get("spec") or {}).get("claimNames") else []
    return [str(each["metadata"]["name"]) for each in found]
