"""What a server would make of a manifest, worked out here from what it publishes, for servers that only read.

A dry run is the better answer, but it is a write to the API: it needs the right to write and a connection that can. The
rules of server-side apply are known (`machinery.applying`), and so are the schemas; what is not known here is named:
rules in CEL, admission, and what is checked of built-in kinds beyond their schema.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import fieldsets, statuses
from fairlead.machinery.applying import FieldManager
from fairlead.machinery.paths import GroupVersion
from fairlead.machinery.schemas import Schema
from fairlead.machinery.shapes import Shape, shape_of
from fairlead.resources import applying, schemas
from fairlead.resources.diffing import Diff, diff
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import MANAGER, live, subject
from fairlead.resources.reading import Reader, lacks_right

Object = dict[str, Any]
_NO_TIME = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Outlook:
    subject: str
    is_new: bool
    diff: Diff
    unchecked: tuple[str, ...]
    """What only the server itself can check."""
    tried: bool = False
    """By the server itself."""


async def outlook(
    reader: Reader,
    manifest: Mapping[str, Any],
    namespace: str = "",
    *,
    force: bool = False,
    tries: bool,
    as_new: bool = False,
) -> Outlook:
    """The server's own answer where it may be asked for one (`tries`), else `foreseen`. Raises as both."""
    if tries:
        try:
            change = await applying.planned(reader, manifest, namespace, force=force)
            return Outlook(change.subject, change.before is None, change.diff, (), tried=True)
        except statuses.Forbidden as error:
            if not lacks_right(error):
                raise
    return await foreseen(reader, manifest, namespace, force=force, as_new=as_new)


async def foreseen(
    reader: Reader, manifest: Mapping[str, Any], namespace: str = "", *, force: bool = False, as_new: bool = False
) -> Outlook:
    """Takes for new what may not be read, where `as_new` says so.

    Raises `statuses.Invalid` and the like as the server would, and what `applying.planned` raises.
    """
    kind = await reader.kind(manifest["kind"], manifest["apiVersion"])
    namespace = applying.namespace_of(kind, manifest, namespace)
    name = manifest["metadata"]["name"]
    before, unseen = await _before(reader, kind, name, namespace, as_new=as_new)
    body = applying.versioned(manifest, namespace, before["metadata"]["resourceVersion"] if before else "")
    schema = await schemas.of(reader.client, kind)
    after = await _applied(reader, kind, schema, before, body, force=force)
    causes = schema.validate(_bare(after), _bare(before) if before else None)
    if causes:
        raise statuses.invalid(kind.resource.group, kind.api.kind, name, causes)
    unchecked = (*unseen, *_unchecked(schema, after))
    return Outlook(subject(kind, name, namespace), before is None, diff(before, after), unchecked)


async def _before(
    reader: Reader, kind: Kind, name: str, namespace: str, *, as_new: bool
) -> tuple[Object | None, tuple[str, ...]]:
    try:
        return await live(reader, kind, name, namespace), ()
    except statuses.Forbidden as error:
        if not as_new or not lacks_right(error):
            raise
        return None, ("whether it is there already, and may become what it would be: you may not read it",)


async def _applied(
    reader: Reader, kind: Kind, schema: Schema, before: Object | None, body: Object, *, force: bool
) -> Object:
    shapes = {kind.api_version: shape_of(schema.node)} | await _older(reader, kind, before)
    resets = (fieldsets.path("status"),) if any(each.name == "status" for each in kind.api.subresources) else ()
    manager = FieldManager(shapes, kind.api_version, kind.api.kind, resets=resets)
    try:
        after = manager.apply(before, body, MANAGER, _NO_TIME, force=force)
    except statuses.Conflict as error:
        explained = applying.explained(error, subject(kind, body["metadata"]["name"]))
        if not (isinstance(explained, applying.OwnedByOthersError) and explained.is_of_ours):
            raise explained from error
        after = manager.apply(before, body, MANAGER, _NO_TIME, force=True)
    schema.default(after)
    return after


async def _older(reader: Reader, kind: Kind, before: Object | None) -> dict[str, Shape]:
    """Of the other versions in which somebody wrote the object."""
    written = {
        str(each.get("apiVersion")) for each in ((before or {}).get("metadata") or {}).get("managedFields") or ()
    }
    found = {}
    for version in sorted(written - {kind.api_version}):
        schema = await schemas.at(reader.client, GroupVersion.parse(version), kind.api.kind)
        if schema is not None:
            found[version] = shape_of(schema.node)
    return found


def _bare(obj: Object) -> Object:
    """Metadata is the storage's to check."""
    return {key: value for key, value in obj.items() if key != "metadata"}


def _unchecked(schema: Schema, obj: Object) -> tuple[str, ...]:
    """The rules of the schema that reach something in this object, each with its place."""
    return tuple(f"{each.path or 'the object'}: {each.rule}" for each in schema.unchecked if _reaches(each.path, obj))


def _reaches(path: str, value: Any) -> bool:
    return _found(path.replace("[*]", ".*").strip(".").split(".") if path else [], value)


def _found(path: Sequence[str], value: Any) -> bool:
    if not path:
        return True
    if path[0] == "*":
        inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        return any(_found(path[1:], each) for each in inside)
    return isinstance(value, Mapping) and path[0] in value and _found(path[1:], value[path[0]])
