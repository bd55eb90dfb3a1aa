"""In which form a client gets its answer: plain, as a Table, or metadata only; JSON or YAML.

The control plane is always asked for JSON, the only form that we rewrite, and for a Table always with row objects.
Protobuf is not offered for custom resources by any server; clients that prefer it name JSON next.

Source: reference/aggregation-layer.md §5.
"""

from collections.abc import Mapping

from fairlead.machinery import encoding, negotiation, statuses
from fairlead.machinery.messages import Headers
from fairlead.machinery.negotiation import JSON, YAML, MediaType, transformed

META = ("meta.k8s.io", "v1")


_KINDS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


def _forms(*essences: MediaType) -> tuple[MediaType, ...]:
    """Metadata of a list asked for one object, or the reverse, is for the control plane to refuse, as a server would:
    when it has carried out the request.
    """
    return tuple(
        each for essence in essences for each in (essence, *(transformed(kind, *META, essence) for kind in _KINDS))
    )


ONE = MANY = _forms(JSON, YAML)
EVENTS = _forms(JSON)
"""A YAML stream has no framing: the API server offers none either."""
# Protobuf is for what the server makes itself, such as a Status; it is named all the same.
_NAMED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


def choose(headers: Headers, offered: tuple[MediaType, ...]) -> MediaType:
    """Raises `NotAcceptable`."""
    found = negotiation.choose(",".join(headers.all("accept")), offered)
    if found is None:
        raise statuses.NotAcceptable(f"only the following media types are accepted: {_NAMED}")
    return found


def accept(choice: MediaType) -> str:
    """What the control plane is asked for."""
    kind, group, version = choice.transform
    return str(transformed(kind, group, version)) if kind else str(JSON)


def options(choice: MediaType, parameters: Mapping[str, str]) -> dict[str, str]:
    """`includeObject`, where it means something; without row objects there would be no names."""
    if choice.get("as") != "Table":
        return {}
    asked = parameters.get("includeObject", "")
    return {"includeObject": "Metadata" if asked in ("", "None") else asked}


def encode(choice: MediaType, body: bytes) -> tuple[str, bytes]:
    """Content type and body."""
    if choice.essence == YAML.essence:
        return YAML.essence, encoding.to_yaml(encoding.from_json(body)).encode()
    return JSON.essence, body
