"""Which revision of which composition a claim or composite is on: held at one, or following the latest.

Of a composite that is two fields. Of a claim it is a conversation, because its composite has both fields too, and only
while the composite's policy is Manual does Crossplane carry the claim's revision to it; else it carries the composite's
back, over whatever the claim was just given. So a claim is first made Manual, and given its revision when its composite
has followed. On the way back the claim takes with it what may be the only ownership of the revision's name; that leaves
a null, which the API refuses, and a claim that is stuck for good. So the name is owned here too before. Both were seen
on Crossplane 2.3.4.

A held revision stays held when the composition changes, even though it is none of the new one's: so the latest of the
new one is taken with it.

Source: reference/crossplane.md §3 (composition choice); crossplane v2.3.4 `internal/controller/apiextensions/claim`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.crossplane.defining import composites
from fairlead.crossplane.defining.composites import AUTOMATIC, MANUAL, CompositeError
from fairlead.crossplane.references import Reference, machinery
from fairlead.crossplane.xrds import Definition
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.values import same
from fairlead.resources import patching
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import MANAGER, Change, ChangedMeanwhileError, essence
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
FOLLOW = "automatic"
_SELECTOR = "compositionRevisionSelector"
LABEL = "crossplane.io/composition-name"
_EXTENSIONS = "apiextensions.crossplane.io/v1"
_SECONDS, _PAUSE = 15.0, 0.2


async def revisions(reader: Reader, composition: str = "") -> list[dict[str, Any]]:
    """Of one composition or of all, the oldest first. Raises what `Reader` raises."""
    selector = f"{LABEL}={composition}" if composition else ""
    found = await reader.every("CompositionRevision", _EXTENSIONS, label_selector=selector)
    return sorted(found, key=number)


def number(revision: Object) -> int:
    return int((revision.get("spec") or {}).get("revision") or 0)


def find(known: Sequence[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """By its name, its number or the end of its name. Raises `CompositeError` with those that are."""
    for each in known:
        name = str(each["metadata"]["name"])
        if wanted in (name, str(number(each)), name.rpartition("-")[2]):
            return each
    there = ", ".join(f"{each['metadata']['name']} ({number(each)})" for each in known[-10:]) or "none"
    raise CompositeError(f"there is no revision {wanted}", "", f"there are: {there}")


def check_free(composition: str, made_by: Definition | None) -> None:
    """Raises `CompositeError` where the XRD enforces another: Crossplane puts it in the place of any choice."""
    if made_by is not None and made_by.enforced and composition and composition != made_by.enforced:
        what = f"{made_by.name} enforces the composition {made_by.enforced}"
        raise CompositeError(what, f"Crossplane would put it in the place of {composition}", "choose none")


async def check(reader: Reader, composition: str, made_by: Definition | None) -> None:
    """Raises `CompositeError` for a composition that is not there, or is one of another kind."""
    known = {str(each["metadata"]["name"]): each for each in await reader.every("Composition", _EXTENSIONS)}
    if composition not in known:
        there = ", ".join(name for name, each in known.items() if made_by is None or _is_for(each, made_by)) or "none"
        raise CompositeError(f"there is no composition {composition}", "", f"of this kind there are: {there}")
    if made_by is not None and not _is_for(known[composition], made_by):
        kind = (known[composition]["spec"].get("compositeTypeRef") or {}).get("kind")
        raise CompositeError(f"the composition {composition} makes {kind}, not {made_by.composite.kind}")


def _is_for(composition: Object, made_by: Definition) -> bool:
    target = composition["spec"].get("compositeTypeRef") or {}
    group = str(target.get("apiVersion") or "").partition("/")[0]
    return (group, target.get("kind")) == (made_by.group, made_by.composite.kind)


async def fields(
    reader: Reader, obj: Object, composition: str, revision: str, *, is_claim: bool = False
) -> dict[str, Any]:
    """What Crossplane has to be told for a composition (empty: the one it has) and a revision of it, or `automatic`.

    A claim keeps the labels that narrow its revisions: Crossplane would write its composite's back.
    Raises `CompositeError`, and what `Reader` raises.
    """
    if not composition and not revision:
        return {}
    name = composition or composites.composition(obj)
    found: dict[str, Any] = {"compositionRef": {"name": composition}} if composition else {}
    if revision.lower() == FOLLOW:
        freed = {_SELECTOR: None} if narrowed(obj) and not is_claim else {}
        return found | {"compositionUpdatePolicy": AUTOMATIC, **freed}
    if not revision and not composites.is_pinned(obj):
        return found
    if not name:
        raise CompositeError("it has no composition yet, and so no revision", "", "give `composition` as well")
    known = await revisions(reader, name)
    if not known:
        raise CompositeError(f"the composition {name} has no revision", "", "list_compositions names those there are")
    held = find(known, revision) if revision else known[-1]
    return found | {
        "compositionUpdatePolicy": MANUAL,
        "compositionRevisionRef": {"name": str(held["metadata"]["name"])},
    }


def narrowed(obj: Object) -> str:
    """By which labels alone it takes a revision, whichever composition it is of; empty where it takes any."""
    labels = (machinery(obj).get(_SELECTOR) or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in labels.items())


def frees(patch: Object) -> bool:
    """Whether a claim is to take any revision again."""
    spec = patch.get("spec") or {}
    return _SELECTOR in spec and spec[_SELECTOR] is None


async def planned(reader: Reader, kind: Kind, obj: Object, patch: Object, *, notes: tuple[str, ...] = ()) -> Change:
    """The patch as a change, which for the policy of a claim is sent in the steps that Crossplane needs.

    Raises as `patching.planned`.
    """
    metadata = obj["metadata"]
    name, namespace = str(metadata["name"]), str(metadata.get("namespace") or "")
    change = await patching.planned(reader, kind, name, namespace, patch, notes=notes)
    wanted, other = (patch.get("spec") or {}), composites.partner(obj)
    policy = wanted.get("compositionUpdatePolicy")
    if not composites.is_claim(kind) or other is None or policy is None:
        return change
    if policy == AUTOMATIC:
        return change.preceded_by(lambda: _own_revision(reader, other))

    async def hold() -> dict[str, Any]:
        first = await patching.planned(reader, kind, name, namespace, {"spec": {"compositionUpdatePolicy": MANUAL}})
        if not same(essence(first.before or {}), essence(change.before or {})):
            raise ChangedMeanwhileError(
                f"{change.subject} has changed meanwhile", "nothing was done", "repeat the call"
            )
        await first.send()
        await _until_manual(reader, other)
        after = await (await patching.planned(reader, kind, name, namespace, patch)).send()
        return {**after, "status": (change.before or {}).get("status") or {}}  # what was said on the way is not of it

    return replace(change, send=hold)


async def _read(reader: Reader, reference: Reference) -> tuple[Kind, dict[str, Any]]:
    kind = await reader.kind(reference.kind, reference.api_version)
    return kind, await reader.one(kind, reference.name, reference.namespace)


async def _own_revision(reader: Reader, reference: Reference) -> None:
    """Nothing of the composite changes but who owns the name of its revision."""
    kind, composite = await _read(reader, reference)
    held = composites.revision(composite)
    if not held:
        return
    manifest = {"apiVersion": kind.api_version, "kind": kind.api.kind, "metadata": {"name": reference.name}}
    spec = {"spec": {"compositionRevisionRef": {"name": held}}}
    await reader.client.apply(kind.resource, manifest | spec, None, manager=MANAGER, force=True)


async def _until_manual(reader: Reader, reference: Reference) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            while True:
                if composites.is_pinned((await _read(reader, reference))[1]):
                    return
                await asyncio.sleep(_PAUSE)
    except TimeoutError as error:
        what = f"the claim is Manual now, but {reference} has not followed in {_SECONDS:g} s: no revision was set"
        remedy = f"diagnose_resource kind={reference.kind} name={reference.name}, then repeat the call"
        raise CompositeError(what, "Crossplane may be down, or one of the two paused", remedy) from error


async def taken(reader: Reader, kind: Kind, obj: Object, seconds: float) -> str:
    """Which revision the composite of a claim is on, as soon as the two agree or after so many seconds."""
    other = composites.partner(obj)
    if not composites.is_claim(kind) or other is None:
        return ""
    claim, composite = obj, obj
    try:
        async with asyncio.timeout(seconds or None):
            while True:
                claim = await reader.one(kind, str(obj["metadata"]["name"]), str(obj["metadata"]["namespace"]))
                composite = (await _read(reader, other))[1]
                if _held(claim) == _held(composite) or not seconds:
                    break
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass
    except FairleadError as error:
        return f"{other} could not be read: {error}"
    more = "" if _held(claim) == _held(composite) else f"; it has not followed the claim yet, which has {_held(claim)}"
    return f"{other} is on {_held(composite)}{more}"


def _held(obj: Object) -> str:
    """Policy and revision; a claim that never said a policy has the composite's."""
    return f"revision {composites.revision(obj) or 'none'}{', pinned' if composites.is_pinned(obj) else ''}"
