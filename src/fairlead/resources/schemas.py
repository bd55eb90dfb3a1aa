"""The schemas that a server publishes, for whoever may only read: OpenAPI v3, one document for each group version.

A document is large (a megabyte for apps/v1) and changes seldom; the index names each with a hash of its content. So the
index is read each time, which is small and tells of a changed CRD at once, and a document only when its hash is new.
Of a document only what one kind needs is kept, without its prose: a server with little memory asks about many kinds.
It is kept for everybody who may read the index that names it, so that a hundred callers do not keep a hundred copies.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.openapi import GVK, reachable
from fairlead.machinery.paths import GroupVersion
from fairlead.machinery.schemas import Schema
from fairlead.resources.kinds import Kind

_MOST = 30
_known: dict[tuple[str, str, str], Schema] = {}
"""By server, address of the document, and kind."""


class NoSchemaError(FairleadError):
    """The server publishes none for the kind."""


async def of(client: Client, kind: Kind) -> Schema:
    """Raises `NoSchemaError`, and what `Client` raises."""
    found = await at(client, kind.resource.group_version, kind.api.kind)
    if found is None:
        raise NoSchemaError(
            f"the server publishes no schema of {kind.api.kind} in {kind.api_version}",
            "",
            "a new kind's comes some seconds after it: ask again",
        )
    return found


async def at(client: Client, group_version: GroupVersion, kind: str) -> Schema | None:
    """None where the server publishes none. Raises what `Client` raises."""
    index = await client.read("/openapi/v3")
    entry = (index.get("paths") or {}).get(group_version.path.removeprefix("/")) or {}
    address = str(entry.get("serverRelativeURL") or "")
    key = client.connection.settings.server, address, kind
    if address and key not in _known:
        found = await _read(client, address, {**_type(group_version), "kind": kind})
        if found is None:
            return None
        while len(_known) >= _MOST:
            del _known[next(iter(_known))]
        _known[key] = found
    return _known.get(key)


def _type(group_version: GroupVersion) -> dict[str, str]:
    return {"group": group_version.group, "version": group_version.version}


async def _read(client: Client, address: str, wanted: Mapping[str, str]) -> Schema | None:
    path, _, query = address.partition("?")
    try:
        document = await client.read(path, dict(parse_qsl(query)))
    except statuses.NotFound:  # gone since the index was read
        return None
    components = (document.get("components") or {}).get("schemas") or {}
    schema = next((each for each in components.values() if wanted in (each.get(GVK) or ())), None)
    if schema is None:
        return None
    needed = {name: _without_prose(components[name]) for name in reachable(schema, components) if name in components}
    return Schema.compile(_without_prose(schema), needed)


def _without_prose(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: each for key, each in value.items() if not (key == "description" and isinstance(each, str))}
        return {key: _without_prose(each) for key, each in kept.items()}
    return [_without_prose(each) for each in value] if isinstance(value, list) else value
