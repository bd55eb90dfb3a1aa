"""Claims and composites: what of one is its author's, what is Crossplane's own, and how one is written.

Crossplane keeps its own fields among the author's, and at two places: below `spec.crossplane` since 2.0, in `spec`
itself for claims and for composites that a claim may have. Where they go in an object that is not there yet only the
XRD says; an object that is there shows it. Who orders something should know neither.

Source: reference/crossplane.md §2.3, §3.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import sweeping, xrds
from fairlead.crossplane.judging import Health, State, judge
from fairlead.crossplane.references import Reference, machinery, of
from fairlead.crossplane.xrds import LEGACY_CLUSTER, Definition
from fairlead.machinery import conditions, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Query, Reader, ScopeError

Object = Mapping[str, Any]
CLAIM, COMPOSITE = "claim", "composite"
AUTOMATIC, MANUAL = "Automatic", "Manual"
WRITTEN_BY_CROSSPLANE = frozenset({"claimRef", "resourceRef", "resourceRefs"})
_OWN = WRITTEN_BY_CROSSPLANE | {
    *("compositionRef", "compositionSelector", "compositionRevisionRef", "compositionRevisionSelector"),
    *("compositionUpdatePolicy", "compositeDeletePolicy", "writeConnectionSecretToRef", "publishConnectionDetailsTo"),
}


class CompositeError(FairleadError):
    """What is asked for is not what a claim or composite can be."""


def is_one(kind: Kind) -> bool:
    return bool({CLAIM, COMPOSITE} & set(kind.api.categories))


def is_claim(kind: Kind) -> bool:
    return CLAIM in kind.api.categories


def wishes(obj: Object) -> dict[str, Any]:
    """The author's part of the spec."""
    spec = obj.get("spec") or {}
    if isinstance(spec.get("crossplane"), Mapping):
        return {key: value for key, value in spec.items() if key != "crossplane"}
    return {key: value for key, value in spec.items() if key not in _OWN}


def composition(obj: Object) -> str:
    return _named(obj, "compositionRef")


def revision(obj: Object) -> str:
    return _named(obj, "compositionRevisionRef")


def _named(obj: Object, field: str) -> str:
    return str((machinery(obj).get(field) or {}).get("name") or "")


def is_pinned(obj: Object) -> bool:
    return machinery(obj).get("compositionUpdatePolicy") == MANUAL


def partner(obj: Object) -> Reference | None:
    """The composite of a claim, the claim of a composite."""
    spec = obj.get("spec") or {}
    found = spec.get("resourceRef") or spec.get("claimRef")
    if not isinstance(found, Mapping) or not found.get("name"):
        return None
    parts = (str(found.get(key) or "") for key in ("apiVersion", "kind", "name", "namespace"))
    return Reference(*parts)


def connection_secret(obj: Object) -> Reference | None:
    found = (obj.get("spec") or {}).get("writeConnectionSecretToRef") or {}
    if not found.get("name"):
        return None
    return Reference("v1", "Secret", str(found["name"]), str(found.get("namespace") or of(obj).namespace))


# -- All of them -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    reference: Reference
    health: Health
    synced: str
    """Of the condition; empty where there is none."""
    ready: str
    composition: str
    revision: str
    pinned: bool
    partner: Reference | None

    @property
    def is_unhealthy(self) -> bool:
        """Whether it is not what was ordered, yet or any more."""
        return self.health.state in (State.UNHEALTHY, State.UNKNOWN, State.PROGRESSING)


async def chosen(reader: Reader, name: str, namespace: str) -> list[Kind]:
    """Of a kind, or of all that are a `claim` or a `composite`. Raises `UnknownKindError`, `CompositeError`."""
    if name.lower() in ("", CLAIM, COMPOSITE):
        kinds = await reader.kinds(anew=True)
        categories = [name.lower()] if name else [CLAIM, COMPOSITE]
        return [each for category in categories for each in kinds.category(category) if each.can("list")]
    kind = await reader.kind(name)
    if not is_one(kind):
        raise CompositeError(f"{kind.api.kind} is neither a claim nor a composite")
    if namespace and not kind.resource.namespaced:
        raise ScopeError(f"{kind.api.kind} is in no namespace", "", "leave out `namespace`")
    return [kind]


async def rows(reader: Reader, kinds: list[Kind], query: Query) -> tuple[list[Row], tuple[str, ...]]:
    """What is not well first; then the kinds that could not be read, with the reason."""
    swept = await sweeping.sweep(reader, kinds, _row, query)
    found = [row for each in swept for row in each.taken]
    return sorted(found, key=lambda each: (not each.is_unhealthy, each.reference)), sweeping.gaps(swept)


def _row(kind: Kind, obj: Object) -> Row:
    synced, ready = (str((conditions.get(obj, each) or {}).get("status") or "") for each in ("Synced", "Ready"))
    health = judge(obj, kind.api.categories)
    return Row(of(obj), health, synced, ready, composition(obj), revision(obj), is_pinned(obj), partner(obj))


# -- A new one ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """What Crossplane is told beside the author's wishes."""

    composition: str = ""
    composition_labels: Mapping[str, str] | None = None
    update_policy: str = ""
    connection_secret: str = ""
    delete_policy: str = ""

    def fields(self) -> dict[str, Any]:
        found = {
            "compositionRef": {"name": self.composition} if self.composition else None,
            "compositionSelector": {"matchLabels": dict(self.composition_labels)} if self.composition_labels else None,
            "compositionUpdatePolicy": self.update_policy,
            "writeConnectionSecretToRef": {"name": self.connection_secret} if self.connection_secret else None,
            "compositeDeletePolicy": self.delete_policy,
        }
        return {key: value for key, value in found.items() if value}


async def definition(reader: Reader, kind: Kind) -> Definition | None:
    """The XRD that makes a kind; None too for whoever may read none, as app teams may. Raises what `Reader` raises."""
    try:
        known = await reader.every(xrds.KIND, str(xrds.V1.group_version))
    except statuses.Forbidden:
        return None
    for each in known:
        found = xrds.read(each)
        plurals = {found.composite.plural, found.claim.plural if found.claim else ""}
        if found.group == kind.resource.group and kind.api.plural in plurals:
            return found
    return None


def manifest(
    kind: Kind,
    name: str,
    namespace: str,
    spec: Object,
    choice: Choice,
    *,
    made_by: Definition | None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Raises `CompositeError` and `ScopeError`."""
    _check_scope(kind, namespace, made_by)
    legacy = is_legacy(kind, made_by)
    _check_choice(kind, choice, legacy=legacy)
    own, wanted = choice.fields(), deepcopy(dict(spec))
    if secret := own.get("writeConnectionSecretToRef"):
        where, slash, called = secret["name"].partition("/")
        own["writeConnectionSecretToRef"] = {"name": called, "namespace": where} if slash else secret
    if legacy:
        wanted |= own
    elif own:
        wanted["crossplane"] = {**(wanted.get("crossplane") or {}), **own}
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    metadata |= {"labels": dict(labels)} if labels else {}
    return {"apiVersion": kind.api_version, "kind": kind.api.kind, "metadata": metadata, "spec": wanted}


def is_legacy(kind: Kind, made_by: Definition | None) -> bool:
    """Whether Crossplane's own fields are in `spec` itself."""
    return is_claim(kind) or (made_by.scope == LEGACY_CLUSTER if made_by else not kind.resource.namespaced)


def check_written(patch: Object) -> None:
    """Raises `CompositeError` for a patch of what Crossplane writes, or has to be told in an order of its own."""
    spec = patch.get("spec") or {}
    own = {*spec, *(spec.get("crossplane") or {})} if isinstance(spec.get("crossplane"), Mapping) else set(spec)
    if mine := sorted(own & WRITTEN_BY_CROSSPLANE) + (["status"] if "status" in patch else []):
        raise CompositeError(f"{', '.join(mine)} is what Crossplane writes", "", "leave it out")
    if own & {"compositionRef", "compositionRevisionRef", "compositionUpdatePolicy"}:
        raise CompositeError("composition and revision are not set by path", "", "give `composition` or `revision`")


def _check_scope(kind: Kind, namespace: str, made_by: Definition | None) -> None:
    if kind.resource.namespaced and not namespace:
        raise ScopeError(f"{kind.api.kind} is namespaced", "no namespace was given", "give `namespace`")
    if namespace and not kind.resource.namespaced:
        claim = made_by.claim if made_by else None
        instead = f", or make a {claim.kind}, its claim, which is namespaced" if claim else ""
        raise ScopeError(f"{kind.api.kind} is in no namespace", "", f"leave out `namespace`{instead}")


def _check_choice(kind: Kind, choice: Choice, *, legacy: bool) -> None:
    if choice.composition and choice.composition_labels:
        raise CompositeError("composition and composition_labels exclude each other", "", "give one of them")
    if choice.delete_policy and not is_claim(kind):
        why = "a composite is deleted as its deletion says"
        raise CompositeError("only a claim has a delete policy", why, "give `propagation` to delete_composite")
    if choice.connection_secret and not legacy:
        why = f"{kind.api.kind} is a composite of Crossplane 2"
        raise CompositeError("it has no connection secret", why, "let its composition compose a Secret")
    named = "/" in choice.connection_secret
    if choice.connection_secret and is_claim(kind) is named:
        form = "NAME: a claim's is beside it" if is_claim(kind) else "NAMESPACE/NAME: a composite is in no namespace"
        raise CompositeError("connection_secret is not written so", "", f"write {form}")


async def faults(reader: Reader, kind: Kind, obj: Object) -> dict[str, str]:
    """By field, all that the served schema has against it; rules are the server's to check.

    The server itself stops at the first field that it does not know. Raises `NoSchemaError`, and what `Client` raises.
    """
    from fairlead.resources import schemas  # the rules of schemas are a tenth of all that a start imports

    schema = await schemas.of(reader.client, kind)
    bare = deepcopy({key: value for key, value in obj.items() if key != "metadata"})
    found = dict.fromkeys(schema.prune(bare), "is no field of this kind")
    schema.default(bare)
    causes = schema.validate(bare)
    return found | {str(each.get("field")): str(each.get("message")) for each in causes if each.get("field")}
