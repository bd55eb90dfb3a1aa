"""JSON and YAML, read as the API server reads them.

JSON goes through msgspec. YAML goes through libyaml with a loader of our own, because PyYAML's default one turns
`2001-01-01` into a date and `1:30` into 90, and lets a duplicate key pass; sigs.k8s.io/yaml does neither. `yes`, `no`,
`on` and `off` stay booleans: that reader follows YAML 1.1 there. Integers stay integers of any size.
"""

import re
from collections.abc import Hashable, Iterator
from typing import Any

import msgspec
import yaml

from fairlead.machinery.errors import FairleadError

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()

# A document may not grow beyond this many values through aliases. (The API server bounds the ratio of alias-made values
# to the document's own; one number is easier to explain and as safe below its 3 MiB body limit.)
MAX_EXPANDED = 1_000_000


class DecodeError(FairleadError):
    """The bytes are not a document; the API answers 400 BadRequest."""


def to_json(value: Any) -> bytes:
    return _encoder.encode(value)


def from_json(data: bytes | str) -> Any:
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError("the body is not JSON", str(error)) from error


class _Loader(yaml.CSafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        found: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = _key(self.construct_object(key_node, deep=True))
            if key in found:
                raise yaml.constructor.ConstructorError(
                    None, None, f'key "{key}" is already set in the map', key_node.start_mark
                )
            found[key] = self.construct_object(value_node, deep=True)
        return found


def _key(key: Any) -> str:
    """JSON keys are strings; the Kubernetes reader writes booleans and numbers out."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return str(key)
    raise yaml.YAMLError(f"a key of type {type(key).__name__} cannot be a JSON key")


def _map(loader: _Loader, node: yaml.MappingNode) -> Iterator[dict[Hashable, Any]]:
    yield loader.construct_mapping(node, deep=True)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int",
                                                              "tag:yaml.org,2002:float", "tag:yaml.org,2002:value")]
    for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}  # fmt: skip
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+)$"
    ),
    list("-+0123456789."),
)


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(node.value).replace("_", "")
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("+-")
    if text.startswith("0o"):
        return sign * int(text[2:], 8)
    if len(text) > 1 and text[0] == "0" and text.isdigit():
        return sign * int(text, 8)
    return sign * int(text, 0)


_Loader.add_constructor("tag:yaml.org,2002:map", _map)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def documents(data: bytes | str) -> list[Any]:
    """Every document of a YAML stream (JSON is YAML); empty documents are left out.

    Raises `DecodeError`, also for a duplicate key, a tag that is not JSON's, and an alias bomb.
    """
    try:
        loader = _Loader(data)
        try:
            found = []
            while loader.check_data():  # type: ignore[no-untyped-call]
                found.append(loader.get_data())
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DecodeError("the text is not YAML", " ".join(str(error).split())) from error
    if (b"&" if isinstance(data, bytes) else "&") in data:  # type: ignore[operator]
        _bound(found)
    return [each for each in found if each is not None]


def _bound(value: Any) -> None:
    try:
        size = _expanded(value, {})
    except RecursionError as error:
        raise DecodeError("the text is not YAML", "it is nested too deeply") from error
    if size > MAX_EXPANDED:
        raise DecodeError("the text is refused", f"its aliases make more than {MAX_EXPANDED:,} values of it")


def _expanded(value: Any, sizes: dict[int, int]) -> int:
    """How many values a document has once every alias is written out; what is shared is walked once."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in sizes:
        children = value.values() if isinstance(value, dict) else value
        sizes[id(value)] = 1 + sum(_expanded(child, sizes) for child in children)
    return sizes[id(value)]


def from_yaml(data: bytes | str) -> Any:
    """The one document of the text; None for an empty one."""
    found = documents(data)
    if len(found) > 1:
        raise DecodeError("the text holds several YAML documents", "one was expected")
    return found[0] if found else None


class _Dumper(yaml.CSafeDumper):
    """Quotes what either reader, ours or PyYAML's own, would take for something else than a string."""


_Dumper.yaml_implicit_resolvers = {
    first: [*yaml.CSafeDumper.yaml_implicit_resolvers.get(first, []), *_Loader.yaml_implicit_resolvers.get(first, [])]
    for first in {*yaml.CSafeDumper.yaml_implicit_resolvers, *_Loader.yaml_implicit_resolvers}
}


def to_yaml(value: Any) -> str:
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=10_000,
    )
    return text
