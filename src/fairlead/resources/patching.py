"""One object changed by a patch, or its number of replicas by its scale, tried out first.

The version of the object that was seen goes into the patch itself: the API then refuses it for any other, in all three
forms, and there is no need for a `test` whose failure does not say what failed.
"""

from collections.abc import Mapping
from typing import Any

from fairlead.client.api import Patch
from fairlead.machinery import encoding, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.resources import manifests
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import DRY_RUN, MANAGER, Change, as_seen, as_tried, check_scope
from fairlead.resources.reading import Reader

Object = dict[str, Any]
FORMS = {"merge": Patch.MERGE, "json": Patch.JSON, "strategic": Patch.STRATEGIC}


class PatchError(FairleadError):
    """The text is no patch of that form."""


class NoScaleError(FairleadError):
    """The kind has no number of replicas."""


def read(text: str, form: str) -> Any:
    """Of YAML or JSON. Raises `PatchError` and `ManifestError`."""
    try:
        found = encoding.from_yaml(text)
    except encoding.DecodeError as error:
        raise PatchError("the patch cannot be read", redacting.text(error.why)) from error
    if form == "json" and not (isinstance(found, list) and all(isinstance(each, Mapping) for each in found)):
        raise PatchError("a json patch is a list of operations", "", 'such as [{"op": "remove", "path": "/data/a"}]')
    if form != "json" and not (isinstance(found, Mapping) and isinstance(found.get("metadata", {}), Mapping)):
        raise PatchError(f"a {form} patch is a mapping", "", 'such as {"data": {"a": null}}')
    manifests.check(found)
    return found


async def planned(
    reader: Reader,
    kind: Kind,
    name: str,
    namespace: str,
    patch: Any,
    form: str = "merge",
    *,
    subresource: str = "",
    verb: str = "change",
    wanted: Any = None,
    notes: tuple[str, ...] = (),
    removes_more: bool = False,
) -> Change:
    """`wanted` stands for the patch in the digest where only time decides a part of it.

    Raises what `Client` raises, and `ScopeError`.
    """
    check_scope(kind, namespace)

    async def look() -> Object:
        return await reader.client.get(kind.resource, name, namespace or None, subresource or None)

    before = await look()

    async def sent(version: str, **options: str) -> Object:
        options = {"fieldValidation": "Strict", "fieldManager": MANAGER, **options}
        body, below = _versioned(patch, version), subresource or None
        return await reader.client.patch(
            kind.resource, name, body, namespace or None, kind=FORMS[form], subresource=below, **options
        )

    async def send() -> Object:
        return await as_seen(before, look, sent)

    after = await as_seen(before, look, lambda version: sent(version, **DRY_RUN))
    basis = [form, patch if wanted is None else wanted]
    seen = as_tried(before, after, patch)
    return Change(verb, kind, name, namespace, seen, after, basis, send, notes, removes_more)


def _versioned(patch: Any, version: str) -> Any:
    if isinstance(patch, list):
        return [*patch, {"op": "replace", "path": "/metadata/resourceVersion", "value": version}]
    return {**patch, "metadata": {**(patch.get("metadata") or {}), "resourceVersion": version}}


async def scaled(reader: Reader, kind: Kind, name: str, namespace: str, replicas: int) -> Change:
    """Raises `NoScaleError`, and as `planned`."""
    check_scales(kind)
    return await planned(
        reader, kind, name, namespace, {"spec": {"replicas": replicas}}, subresource="scale", verb="scale"
    )


def check_scales(kind: Kind) -> None:
    """Raises `NoScaleError`."""
    if all(each.name != "scale" for each in kind.api.subresources):
        raise NoScaleError(f"{kind.resource.qualified} cannot be scaled", "they have no replicas")
