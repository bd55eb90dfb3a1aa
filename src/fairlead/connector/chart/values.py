"""The chart's values: what there is to set, what is set otherwise, and what is refused.

`SCHEMA` is the one source. `values.schema.json` beside the chart is written from it (`python -m
fairlead.connector.chart.values`), and the defaults of `values.yaml` are compared with it by a test. Everything is
required once the defaults are in, so that no template meets a value that a null has taken away.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]


class ChartError(FairleadError):
    """Values from which nothing can be rendered. No value is in its text: some are secret."""


def _text(default: str = "", *choices: str) -> Object:
    found: Object = {"type": "string", "default": default}
    return {**found, "enum": list(choices)} if choices else found


def _flag(default: bool) -> Object:
    return {"type": "boolean", "default": default}


def _whole(default: int, least: int, most: int) -> Object:
    return {"type": "integer", "default": default, "minimum": least, "maximum": most}


def _texts() -> Object:
    return {"type": "array", "items": {"type": "string"}, "default": []}


def _list() -> Object:
    """Of what Kubernetes takes there; it is the API server that knows."""
    return {"type": "array", "items": {"type": "object"}, "default": []}


def _free(default: Object | None = None) -> Object:
    return {"type": "object", "default": default or {}}


def _labels() -> Object:
    return {"type": "object", "additionalProperties": {"type": "string"}, "default": {}}


def _table(**properties: Object) -> Object:
    required = sorted(properties)
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


_RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}

SCHEMA: Object = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    **_table(
        clusterID=_text(),
        upbound=_table(
            account=_text(),
            token=_text(),
            domain=_text("upbound.io"),
            tokenSecret=_table(name=_text(), key=_text("token")),
        ),
        spaces=_table(
            host=_text(),
            insecureSkipTLSVerify=_flag(False),
            caBundle=_text(),
            controlPlane=_table(
                name=_text(),
                group=_text(),
                claimNamespace=_text(),
                kubeconfigSecret=_table(name=_text(), key=_text("kubeconfig")),
            ),
        ),
        image=_table(
            repository=_text(),
            tag=_text(),
            digest=_text(),
            pullPolicy=_text("IfNotPresent", "Always", "IfNotPresent", "Never"),
        ),
        imagePullSecrets=_list(),
        replicas=_whole(2, 0, 100),
        resources=_free(_RESOURCES),
        nodeSelector=_labels(),
        tolerations=_list(),
        affinity=_free(),
        topologySpreadConstraints=_list(),
        priorityClassName=_text(),
        podAnnotations=_labels(),
        podLabels=_labels(),
        apis=_table(allow=_texts(), deny=_texts(), selector=_text(), crds=_texts()),
        syncSecrets=_flag(False),
        mirrorEvents=_flag(False),
        quota=_flag(True),
        webhooks=_flag(True),
        impersonate=_flag(False),
        reap=_text("report", "report", "delete"),
        audit=_flag(False),
        logFormat=_text("json", "json", "text"),
        shutdownDelaySeconds=_whole(15, 0, 600),
        networkPolicy=_table(enabled=_flag(True), egress=_list()),
        podDisruptionBudget=_table(enabled=_flag(True)),
        serviceMonitor=_table(enabled=_flag(False), labels=_labels()),
        flowControl=_table(enabled=_flag(True)),
        renewToken=_flag(False),
    ),
}
# Helm hands it down to every chart that is part of another one.
SCHEMA["properties"]["global"] = {"type": "object"}


def defaults(schema: Mapping[str, Any] = SCHEMA) -> Object:
    """A new copy each time."""
    found = {}
    for name, each in schema["properties"].items():
        if "properties" in each:
            found[name] = defaults(each)
        elif "default" in each:
            found[name] = json.loads(json.dumps(each["default"]))
    return found


def complete(values: Mapping[str, Any]) -> Object:
    """With the defaults below, merged as Helm does. Raises `ChartError`."""
    found = merged(defaults(), values)
    for problem in problems(found, SCHEMA):
        raise ChartError("the values do not fit the chart", problem, "see its values.yaml for what there is to set")
    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Object:
    """Tables are merged, everything else is replaced; a null takes away."""
    result = dict(below)
    for name, value in above.items():
        there = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            result[name] = merged(there if isinstance(there, Mapping) else {}, value)
        else:
            result[name] = value
    return result


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "array": list,
    "object": dict,
}


def problems(value: object, schema: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Of that part of JSON Schema that `SCHEMA` uses."""
    wanted = schema["type"]
    if not isinstance(value, _TYPES[wanted]) or (wanted == "integer" and isinstance(value, bool)):
        yield f"{at or 'the whole'} must be of type {wanted}"
    elif isinstance(value, dict):
        yield from _of_table(value, schema, at)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from problems(each, schema["items"], f"{at}[{index}]")
    elif value not in schema.get("enum", [value]):
        yield f"{at} must be one of {', '.join(schema['enum'])}"
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at} must be between {schema['minimum']} and {schema['maximum']}"


def _of_table(value: Object, schema: Mapping[str, Any], at: str) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", []):
        if name not in value:
            yield f"{_inside(at, name)} must not be null"
    for name, each in value.items():
        where = _inside(at, str(name))
        if name in known:
            yield from problems(each, known[name], where)
        elif others is False:
            yield f"{where} is not one of the chart's values"
        elif others is not True:
            yield from problems(each, others, where)


def _inside(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


if __name__ == "__main__":
    json.dump(SCHEMA, sys.stdout, indent=2)
    sys.stdout.write("\n")
