"""The schemas of the built-in kinds that the playground serves, as a real kube-apiserver publishes them.

Explain, strict field validation, strategic merge keys and apply all read the same recorded OpenAPI components; writing
them by hand would be a second Kubernetes. `testenv/recording.py` records them anew. They are loaded when first asked
for, so that starting costs nothing.

Their `default` keywords are mostly Go's zero values (`""`, `{}`, `0`), which the API server does not fill in: do not
hand them to `Schema.default`.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from fairlead.machinery.schemas import Schema
from fairlead.machinery.structural import Node, compile_node

_GVK = "x-kubernetes-group-version-kind"


@cache
def definitions() -> Mapping[str, Any]:
    """OpenAPI v3 components by name, such as `io.k8s.api.core.v1.ConfigMap`; shared, so not to be changed."""
    found: Mapping[str, Any] = _recorded()["schemas"]
    return found


@cache
def component(api_version: str, kind: str) -> str:
    """The component's name, or empty for a kind that was not recorded."""
    return _names().get((api_version, kind), "")


@cache
def node(api_version: str, kind: str) -> Node | None:
    """The compiled schema of a kind (`rbac.authorization.k8s.io/v1`, `Role`), or None."""
    name = component(api_version, kind)
    return compile_node(definitions()[name], definitions()) if name else None


@cache
def schema(api_version: str, kind: str) -> Schema | None:
    found = node(api_version, kind)
    return Schema(found) if found else None


@cache
def _recorded() -> Any:
    data = resources.files(__package__).joinpath("data/builtin_schemas.json")
    return json.loads(data.read_text(encoding="utf-8"))


@cache
def _names() -> Mapping[tuple[str, str], str]:
    return {
        (f"{each['group']}/{each['version']}" if each["group"] else each["version"], each["kind"]): name
        for name, definition in definitions().items()
        for each in definition.get(_GVK, ())
    }
