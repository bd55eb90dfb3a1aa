"""Whether a finalizer may be taken off by hand, and what is lost by it.

A finalizer is somebody's promise to clean up. Taking it off is the last resort, for when that somebody is gone or says
itself that it cannot: then the object goes, and what it stood for stays, in nobody's hands. As long as whoever made the
promise is there and at work, or something below still has to go first, the way is to find out what keeps it; so then
it is refused, with what to look at. How old a deletion is counts too: right after it, everything is still under way.

Source: reference/crossplane.md §2.3 (remove_finalizer), §3 (deletion), §7, 2 and 3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.crossplane import providerconfigs, references, xrds
from fairlead.crossplane.judging import State, is_paused, judge
from fairlead.crossplane.managed import managing, providing
from fairlead.crossplane.understanding import radius
from fairlead.crossplane.understanding.causes import OF_CLAIMS
from fairlead.machinery import conditions, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.resources import happening
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
COMPOSITE = "composite.apiextensions.crossplane.io"
MANAGED = "finalizer.managedresource.crossplane.io"
CONFIG = "in-use.crossplane.io"
DEFINED = ("defined.apiextensions.crossplane.io", "offered.apiextensions.crossplane.io")
REVISION = "revision.pkg.crossplane.io"
USAGE = "usage.apiextensions.crossplane.io"
WATCH = "watchoperation.ops.crossplane.io"
_KUBERNETES = frozenset({"foregroundDeletion", "orphan", "kubernetes", "customresourcecleanup.apiextensions.k8s.io"})
SECONDS = 60
"""For which a deletion is taken to be under way."""
_LEAKS = {
    OF_CLAIMS: "its composite, if one is left, stays without a claim",
    COMPOSITE: "nothing by itself: Kubernetes collects what it is made of",
    CONFIG: "managed resources that still name it can be deleted no more, for lack of credentials",
    REVISION: "its entry in the Lock and what it owns may stay",
    USAGE: "the mark on what it protected may stay, which protects nothing",
    WATCH: "Crossplane goes on watching until it is started again",
} | dict.fromkeys(DEFINED, "composites and claims of it that are left can be served no more")


class GuardedError(FairleadError):
    """The finalizer is still somebody's to remove."""


@dataclass(frozen=True)
class Remover:
    who: str
    alive: bool
    how: str = ""
    """How it is, where it is not well."""


@dataclass(frozen=True)
class Situation:
    obj: Object
    finalizer: str
    remover: Remover
    left: tuple[str, ...] = ()
    """What has to be gone before it."""
    complaints: tuple[str, ...] = ()
    """What its remover says of why it cannot."""

    @property
    def leak(self) -> str:
        if self.finalizer == MANAGED:
            outside = (
                f"what it stands for outside stays, in nobody's hands: {managing.external_name(self.obj) or 'no name'}"
            )
            return "nothing: its policies let it stay outside anyway" if managing.stays_outside(self.obj) else outside
        return _LEAKS.get(self.finalizer, "whatever it guards: nobody here knows who put it there")


def check(one: Object, finalizer: str) -> None:
    """Whether there is something to ask at all. Raises `GuardedError`."""
    metadata = one["metadata"]
    what = f"{references.of(one)}"
    if not metadata.get("deletionTimestamp"):
        raise GuardedError(f"{what} is not being deleted", "its finalizers hold nothing up", "delete it first")
    there = [str(each) for each in metadata.get("finalizers") or ()]
    if finalizer not in there:
        raise GuardedError(f"{what} has no finalizer {finalizer}", "", f"there are: {', '.join(there) or 'none'}")
    if is_paused(one):
        raise GuardedError(f"{what} is paused, deletion included", "", "reconcile_resource action=resume lets it go")
    if finalizer in _KUBERNETES:
        why = "Kubernetes removes it by itself when what waits behind it is gone"
        raise GuardedError(f"{finalizer} is none of Crossplane's", why, "explain_deletion names what it waits for")


def judged(found: Situation, now: datetime) -> None:
    """Raises `GuardedError` while whoever has to remove it can."""
    what, who = references.of(found.obj), found.remover.who
    if found.left:
        why = f"still there: {', '.join(found.left)}"
        raise GuardedError(f"{what} waits for what has to go before it", why, "explain_deletion of these first")
    if not found.remover.alive:
        return
    began = datetime.fromisoformat(str(found.obj["metadata"]["deletionTimestamp"]))
    age = (now - began).total_seconds()
    if age < SECONDS:
        remedy = f"try again in {SECONDS - max(0, int(age))} s, if explain_deletion names no other way"
        raise GuardedError(f"{what} is being deleted for {max(0, age):.0f} s, and {who} is there", "", remedy)
    if found.finalizer in (MANAGED, CONFIG) and not found.complaints:
        why = "and complains of nothing: it may still be at work"
        raise GuardedError(f"{who} is well and has to remove it, {why}", "", "diagnose_resource; list its events")


async def look(reader: Reader, kind: Kind, obj: Object, finalizer: str) -> Situation:
    """Raises what `Reader` raises: what cannot be read is no reason to go on."""
    if finalizer in (MANAGED, CONFIG):
        remover = await _provider(reader, kind)
    elif finalizer in (OF_CLAIMS, COMPOSITE):
        remover = await _definition(reader, kind)
    elif finalizer in _LEAKS:
        remover = Remover("Crossplane", alive=True)
    else:
        remover = Remover("whoever put it there", alive=False, how="not known here")
    return Situation(obj, finalizer, remover, await _left(reader, kind, obj, finalizer), await _said(reader, obj))


async def _provider(reader: Reader, kind: Kind) -> Remover:
    try:
        provider = await providing.provider_of(reader, kind)
    except statuses.NotFound:
        provider = None
    if provider is None:
        return Remover("its provider", alive=False, how="no provider's package looks after its kind")
    health, who = judge(provider), f"the provider {provider['metadata']['name']}"
    well = health.state is State.HEALTHY
    return Remover(
        who, well, "" if well else ": ".join(filter(None, (health.state.value, health.reason, health.message)))
    )


async def _definition(reader: Reader, kind: Kind) -> Remover:
    for each in await reader.every(xrds.KIND, f"{xrds.GROUP}/v1"):
        spec = each.get("spec") or {}
        plurals = {(spec.get(names) or {}).get("plural") for names in ("names", "claimNames")}
        if spec.get("group") == kind.resource.group and kind.api.plural in plurals:
            return Remover(f"Crossplane, by the XRD {each['metadata']['name']}", alive=True)
    return Remover("Crossplane", alive=False, how="the XRD of its kind is gone, and with it its controller")


async def _left(reader: Reader, kind: Kind, obj: Object, finalizer: str) -> tuple[str, ...]:
    if finalizer == OF_CLAIMS:
        return tuple([str(each) for each in references.children(obj) if await _is_there(reader, each)])
    if finalizer == CONFIG:
        return await _users(reader, kind, obj)
    if finalizer in DEFINED:
        goes = await radius.radius(reader, obj)
        if goes.unread:
            raise GuardedError("what is left of it cannot be counted", "; ".join(goes.unread))
        return tuple(f"{count} {name}" for name, count in goes.counts)
    return ()


async def _is_there(reader: Reader, reference: references.Reference) -> bool:
    try:
        kind = await reader.kind(reference.kind, reference.api_version)
        await reader.one(kind, reference.name, reference.namespace if kind.resource.namespaced else "")
    except (statuses.NotFound, UnknownKindError):
        return False
    return True


async def _users(reader: Reader, kind: Kind, config: Object) -> tuple[str, ...]:
    try:
        return tuple(str(each) for each in await providerconfigs.usages(reader, kind, config))
    except UnknownKindError:  # its provider's kinds are gone
        return ()


async def _said(reader: Reader, obj: Object) -> tuple[str, ...]:
    told: list[str] = []
    for kind in ("Synced", "LastAsyncOperation"):
        found = conditions.get(obj, kind) or {}
        if found.get("status") == "False":
            told.append(": ".join(str(found[key]) for key in ("reason", "message") if found.get(key)))
    return (*told, *(await happening.warnings(reader, obj))[:3])


def patch(obj: Object, finalizer: str) -> dict[str, Any]:
    """Without that one alone."""
    kept: Sequence[str] = [each for each in obj["metadata"].get("finalizers") or () if each != finalizer]
    return {"metadata": {"finalizers": kept}}


def notes(found: Situation) -> list[str]:
    """What whoever says yes has to know."""
    others = [each for each in found.obj["metadata"].get("finalizers") or () if each != found.finalizer]
    told = [f"lost by it: {found.leak}"]
    told += [f"{found.remover.who}: {found.remover.how}"] if found.remover.how else []
    told += [f"said of it: {each}" for each in found.complaints]
    told += (
        [f"{found.remover.who} has not removed it so far; better, mend what keeps it"] if found.remover.alive else []
    )
    return [*told, f"still held by {', '.join(others)}" if others else "the object is gone then"]
