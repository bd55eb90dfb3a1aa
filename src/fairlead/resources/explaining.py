"""The fields of a kind and what they mean, as the server itself publishes them.

An agent that guesses fields writes manifests that are refused; the schema with its prose is a megabyte. So one level of
one place is shown at a time, with types, what is required, defaults, and the first sentence of each field.

Source: OpenAPI v3 of the API server; the types are written as `kubectl explain` writes them.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.openapi import COMPONENTS, GVK
from fairlead.resources.kinds import Kind
from fairlead.resources.schemas import NoSchemaError

Object = Mapping[str, Any]
_DEEPEST = 12


class NoSuchFieldError(FairleadError):
    """A path that leads nowhere in the kind's schema."""


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    required: bool
    says: str
    """Its first sentence."""


@dataclass(frozen=True)
class Explained:
    what: str
    """The kind, and the path in it."""
    type: str
    says: str
    facts: tuple[str, ...]
    """Such as its default and the values that it takes."""
    fields: tuple[Field, ...]


async def explain(client: Client, kind: Kind, path: str = "") -> Explained:
    """Raises `NoSchemaError`, `NoSuchFieldError`, and what `Client` raises."""
    group_version = kind.resource.group_version
    lacking = NoSchemaError(
        f"the server publishes no schema of {kind.api.kind} in {kind.api_version}",
        "",
        "a new kind's comes some seconds after it: ask again",
    )
    try:
        document = await client.read(f"/openapi/v3{group_version.path}")
    except statuses.NotFound as error:
        raise lacking from error
    components = (document.get("components") or {}).get("schemas") or {}
    wanted = {"group": group_version.group, "version": group_version.version, "kind": kind.api.kind}
    schema = next((each for each in components.values() if wanted in (each.get(GVK) or ())), None)
    if schema is None:
        raise lacking
    return Reading(components).at(schema, kind.api.kind, [each for each in path.split(".") if each])


@dataclass(frozen=True)
class Reading:
    components: Object

    def at(self, schema: Object, what: str, path: list[str]) -> Explained:
        place, said = schema, str(self.whole(schema).get("description") or "")
        for depth, name in enumerate(path):
            fields = self.whole(self.inner(place)).get("properties") or {}
            if name not in fields:
                raise _no_field(".".join([what, *path[:depth]]), name, fields)
            place = fields[name]
            said = str(place.get("description") or self.whole(place).get("description") or "")
        inner = self.whole(self.inner(place))
        required = set(inner.get("required") or ())
        found = tuple(
            Field(name, self.type(each), name in required, _first(self.describe(each)))
            for name, each in (inner.get("properties") or {}).items()
        )
        return Explained(".".join([what, *path]), self.type(place), said, tuple(_facts(self.whole(place))), found)

    def describe(self, schema: Object) -> str:
        return str(schema.get("description") or self.whole(schema).get("description") or "")

    def whole(self, schema: Object) -> Object:
        """With what it refers to; built-in kinds wrap a reference in `allOf` to put a default beside it."""
        for _ in range(_DEEPEST):
            reference = _reference(schema)
            if not reference:
                break
            found = self.components.get(reference) or {}
            schema = {**found, **{key: value for key, value in schema.items() if key not in ("$ref", "allOf")}}
        return schema

    def inner(self, schema: Object) -> Object:
        """What a list or a map holds, however deep: fields are those of its members."""
        for _ in range(_DEEPEST):
            found = self.whole(schema)
            more = found.get("additionalProperties")
            inside = found.get("items") or (more if isinstance(more, Mapping) else None)
            if not inside:
                break
            schema = inside
        return schema

    def type(self, schema: Object) -> str:
        found = self.whole(schema)
        more = found.get("additionalProperties")
        if found.get("type") == "array":
            return f"[]{self.type(found.get('items') or {})}"
        if isinstance(more, Mapping) and more:
            return f"map[string]{self.type(more)}"
        if found.get("x-kubernetes-int-or-string") or found.get("format") == "int-or-string":
            return "IntOrString"
        named = _reference(schema).rpartition(".")[2] if found.get("type", "object") == "object" else ""
        kinds = found.get(GVK)
        return str(named or (kinds[0]["kind"] if kinds and len(kinds) == 1 else "") or found.get("type") or "Object")


def _reference(schema: Object) -> str:
    """The component that it refers to; empty for none."""
    wrapped: Sequence[Object] = schema.get("allOf") or ()
    found = schema.get("$ref") or (wrapped[0].get("$ref") if len(wrapped) == 1 else None)
    return str(found or "").removeprefix(COMPONENTS)


def _facts(schema: Object) -> Iterator[str]:
    for key in ("default", "enum", "format", "minimum", "maximum", "pattern", "maxLength", "maxItems"):
        if key in schema and schema[key] != {}:
            yield f"{key}: {schema[key]}"
    for rule in schema.get("x-kubernetes-validations") or ():
        yield f"rule: {rule.get('message') or rule.get('rule')}"


def _first(text: str) -> str:
    line = " ".join(text.split())
    end = line.find(". ")
    return line if end < 0 else line[: end + 1]


def _no_field(where: str, name: str, fields: Object) -> NoSuchFieldError:
    by_lower = {each.lower(): each for each in fields}
    near = [by_lower[each] for each in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    there = f"near: {', '.join(near)}" if near else f"there are: {', '.join(fields) or 'none, it takes any'}"
    return NoSuchFieldError(f"{where} has no field {name!r}", "", there)


def text(explained: Explained) -> str:
    lines = [f"{explained.what} <{explained.type}>", *([explained.says] if explained.says else []), *explained.facts]
    for each in explained.fields:
        needed = " required" if each.required else ""
        lines.append(f"  {each.name} <{each.type}>{needed}{f': {each.says}' if each.says else ''}")
    return "\n".join(lines)
