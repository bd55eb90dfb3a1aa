"""Usages: what each protects and for whom, and what happens when one ends.

A usage that ends is not only a protection less: where it replays deletions, an attempt that it once refused is made
again by Crossplane itself, which is a deletion that nobody asks for at that moment. And whom a usage is for is written
down twice, in its spec and as its owner: a usage whose user is exchanged keeps the first as an owner too, and then
outlives the second, unless that owner is taken off.

Source: reference/crossplane.md §1.7; Crossplane 2.3.4, `internal/controller/protection/usage`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.crossplane import references
from fairlead.crossplane.references import Reference
from fairlead.machinery.paths import GroupVersion
from fairlead.resources import deleting
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
GROUP = "protection.crossplane.io"
VERSION = f"{GROUP}/v1beta1"
LEGACY = "apiextensions.crossplane.io/v1beta1"
PLACES = (("Usage", VERSION), ("ClusterUsage", VERSION), ("Usage", LEGACY))
SIDES = ("of", "by")


async def serves(reader: Reader, kind: str, api_version: str) -> bool:
    try:
        await reader.kind(kind, api_version)
    except UnknownKindError:
        return False
    return True


async def place(reader: Reader, namespace: str) -> Kind:
    """The kind of a usage in that namespace, or in none. Raises `UnknownKindError`."""
    served = await serves(reader, "Usage", VERSION)
    return await reader.kind(*(PLACES[2] if not served else PLACES[0] if namespace else PLACES[1]))


async def every(reader: Reader) -> list[dict[str, Any]]:
    """Raises what `Reader` raises."""
    return [
        each
        for kind, api_version in PLACES
        if await serves(reader, kind, api_version)
        for each in await reader.every(kind, api_version)
    ]


def target(usage: Object, side: str) -> Reference | None:
    """What it protects (`of`) or is for (`by`); None where that is not said or not found out yet."""
    found = (usage.get("spec") or {}).get(side) or {}
    reference = found.get("resourceRef") or {}
    if not reference.get("name"):
        return None
    where = reference.get("namespace") or (usage.get("metadata") or {}).get("namespace") or ""
    return Reference(str(found.get("apiVersion")), str(found.get("kind")), str(reference["name"]), str(where))


async def look(reader: Reader, reference: Reference) -> dict[str, Any]:
    """The object on one of its sides. Raises what `Reader` raises."""
    kind = await reader.kind(reference.kind, reference.api_version)
    return await reader.one(kind, reference.name, reference.namespace if kind.resource.namespaced else "")


def told(usage: Object) -> str:
    """In one line, without how it is."""
    spec = usage.get("spec") or {}
    parts = [f"protects {_side(usage, 'of')}"]
    parts += [f"used by {_side(usage, 'by')}"] if spec.get("by") else []
    parts += [f"because {spec['reason']}"] if spec.get("reason") else []
    parts += ["deletes it once it is unused, if that was tried"] if spec.get("replayDeletion") else []
    return "; ".join(parts)


def _side(usage: Object, side: str) -> str:
    found = usage["spec"].get(side) or {}
    reference = target(usage, side)
    if reference is None:
        return f"{found.get('kind')} by {found.get('resourceSelector')}"
    own = (usage.get("metadata") or {}).get("namespace") or ""
    elsewhere = f" in {reference.namespace}" if reference.namespace != own else ""
    return f"{reference.kind}/{reference.name}{elsewhere}"


def is_of(usage: Object, side: str, kinds: Sequence[str], name: str) -> bool:
    """`kinds` in lower case, none for any; so for a name."""
    found = (usage.get("spec") or {}).get(side) or {}
    if kinds and str(found.get("kind")).lower() not in kinds:
        return False
    return not name or (found.get("resourceRef") or {}).get("name") == name


def tried(obj: Object) -> str:
    """How its deletion was tried while it was in use; empty where it was not."""
    return str(((obj.get("metadata") or {}).get("annotations") or {}).get(deleting.ATTEMPT) or "")


def is_marked(obj: Object) -> bool:
    """Whether the webhook looks at its deletion at all."""
    return ((obj.get("metadata") or {}).get("labels") or {}).get(deleting.IN_USE) == "true"


def others(usage: Object, usages: Sequence[Object]) -> list[Object]:
    """Those that protect the same object."""
    found = target(usage, "of")
    if found is None:
        return []
    group = GroupVersion.parse(found.api_version).group
    uid = (usage.get("metadata") or {}).get("uid")
    same = (each for each in usages if deleting.protects(each, group, found.kind, found.name, found.namespace))
    return [each for each in same if each["metadata"].get("uid") != uid]


def replays(usage: Object, used: Object, more: Sequence[Object]) -> bool:
    """Whether Crossplane deletes what it protects as soon as it ends."""
    return bool((usage.get("spec") or {}).get("replayDeletion") and tried(used) and not more)


def ending(usage: Object, used: Object, more: Sequence[Object]) -> str:
    """What becomes of what it protects when it ends, in one line."""
    what = references.of(used)
    if more:
        names = ", ".join(str(each["metadata"]["name"]) for each in more)
        return f"{what} stays protected, by {names}"
    if replays(usage, used, more):
        return f"Crossplane then deletes {what}: its deletion was tried ({tried(used)}) and is replayed"
    if tried(used):
        return f"nothing protects {what} then; its deletion was tried and is not replayed: delete it again"
    return f"nothing protects {what} then"


def without_user(usage: Object) -> list[Object]:
    """Its owners but for whom it is used by now."""
    user = target(usage, "by")
    owners = (usage.get("metadata") or {}).get("ownerReferences") or ()
    named = None if user is None else (user.api_version, user.kind, user.name)
    return [each for each in owners if (each.get("apiVersion"), each.get("kind"), each.get("name")) != named]
