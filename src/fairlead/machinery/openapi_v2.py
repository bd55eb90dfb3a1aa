"""OpenAPI v2 (Swagger), for the clients that still ask: old kubectl, Argo CD, the aggregator before v3.

It is derived from the v3 documents, so both say the same. v2 cannot say `nullable` or `oneOf`; the API server drops
these and, where dropping alone would make the schema refuse valid objects, the type too.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.machinery.openapi import COMPONENTS, GVK, Object

_DROPPED = ("default", "nullable", "oneOf", "anyOf", "allOf", "not", "example")
_SHAPE = ("type", "items", "properties", "additionalProperties", "required", "format", "enum")


def document(documents: Iterable[Mapping[str, Any]], version: str = "unversioned") -> Object:
    """One v2 document of several v3 documents; of definitions with the same name the first stays."""
    paths: Object = {}
    definitions: Object = {}
    for each in documents:
        for path, item in each["paths"].items():
            paths[path] = {key: _member(key, value) for key, value in item.items()}
        for name, schema in each["components"]["schemas"].items():
            definitions.setdefault(name, convert(schema))
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": dict(sorted(paths.items())),
        "definitions": dict(sorted(definitions.items())),
        "securityDefinitions": {
            "BearerToken": {"description": "Bearer Token authentication", "type": "apiKey", "name": "authorization",
                            "in": "header"},
        },
        "security": [{"BearerToken": []}],
    }  # fmt: skip


def _member(key: str, value: Any) -> Any:
    return [_parameter(each) for each in value] if key == "parameters" else _operation(value)


def _operation(operation: Mapping[str, Any]) -> Object:
    body = operation.get("requestBody")
    kept = {key: value for key, value in operation.items() if key not in ("requestBody", "parameters", "responses")}
    responses = {code: _response(each) for code, each in operation["responses"].items()}
    return {
        **kept,
        "schemes": ["https"],
        "consumes": list(body["content"]) if body else ["*/*"],
        "produces": ["application/json", "application/yaml"],
        "parameters": [*_body(body), *(_parameter(each) for each in operation.get("parameters", ()))],
        "responses": responses,
    }


def _body(body: Mapping[str, Any] | None) -> list[Object]:
    if not body:
        return []
    schema = next(iter(body["content"].values()))["schema"]
    required = {"required": True} if body.get("required") else {}
    return [{"name": "body", "in": "body", **required, "schema": convert(schema)}]


def _response(response: Mapping[str, Any]) -> Object:
    found: Object = {"description": response.get("description", "")}
    for each in response.get("content", {}).values():
        return {**found, "schema": convert(each["schema"])}
    return found


def _parameter(parameter: Mapping[str, Any]) -> Object:
    """In v2 a parameter's type lies in the parameter itself."""
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter.get("schema", {})}


def convert(schema: Any) -> Any:
    """A v3 schema as v2 can say it; it admits at least what the v3 schema admits."""
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(COMPONENTS, "#/definitions/")}
    inner: list[Any] = schema.get("allOf") or []
    if len(inner) == 1 and "$ref" in inner[0]:
        described = {"description": schema["description"]} if "description" in schema else {}
        return {**described, **convert(inner[0])}
    kept = {key: value for key, value in schema.items() if key not in _DROPPED}
    if schema.get("nullable") or schema.get("x-kubernetes-preserve-unknown-fields"):
        return _shapeless(kept)
    if schema.get("x-kubernetes-int-or-string"):
        kept.pop("type", None)
    for key in ("items", "additionalProperties"):
        if key in kept:
            kept[key] = convert(kept[key])
    if "properties" in kept:
        kept["properties"] = {name: convert(each) for name, each in kept["properties"].items()}
    return kept


def _shapeless(schema: Object) -> Object:
    """A whole kind stays an object, of which the document then says nothing."""
    if GVK in schema:
        return {"type": "object", **{key: schema[key] for key in ("description", GVK) if key in schema}}
    return {key: value for key, value in schema.items() if key not in _SHAPE}
