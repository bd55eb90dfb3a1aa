"""What a managed resource says of the thing outside the cluster that it stands for.

Three things decide what becomes of that thing, and none of them is said in one place: what the provider may do with it
is a list of policies beside an older field; under which name it is known is an annotation; and whether it exists at all
is at times known to nobody, when a provider ended between creating it and writing that down. They are put into words
here, because a wrong guess at any of them costs a database.

Source: reference/crossplane.md §3 (MR shape), §7, 5; crossplane-runtime `pkg/meta` and `pkg/reconciler/managed`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fairlead.crossplane.judging import is_paused
from fairlead.resources.kinds import Kind

Object = Mapping[str, Any]
EXTERNAL_NAME = "crossplane.io/external-name"
PENDING, SUCCEEDED, FAILED = (f"crossplane.io/external-create-{each}" for each in ("pending", "succeeded", "failed"))
COMPOSITE, CLAIM, CLAIM_NAMESPACE = (f"crossplane.io/{each}" for each in ("composite", "claim-name", "claim-namespace"))
ALL = "*"
ACTIONS = ("Observe", "Create", "Update", "LateInitialize", "Delete")
PRESETS: Mapping[str, tuple[str, ...]] = {
    "full": (ALL,),
    "observe-only": ("Observe",),
    "no-delete": ("Observe", "Create", "Update", "LateInitialize"),
    "paused": (),
}
_MOST_DIFFERENCES = 20
_NEVER = datetime.min.replace(tzinfo=UTC)


def annotations(obj: Object) -> Mapping[str, str]:
    found = (obj.get("metadata") or {}).get("annotations")
    return found if isinstance(found, Mapping) else {}


def external_name(obj: Object) -> str:
    return str(annotations(obj).get(EXTERNAL_NAME) or "")


@dataclass(frozen=True)
class Creation:
    """When a provider last began to create the thing outside, and how that ended; empty where it was not written."""

    pending: str
    succeeded: str
    failed: str

    @property
    def is_unknown(self) -> bool:
        """Whether it was begun and nothing says how it ended, so that the provider does nothing more."""
        return _time(self.pending) > max(_time(self.succeeded), _time(self.failed))


def creation(obj: Object) -> Creation:
    found = annotations(obj)
    return Creation(*(str(found.get(each) or "") for each in (PENDING, SUCCEEDED, FAILED)))


def _time(text: str) -> datetime:
    """What is none counts as never, as it does to a provider."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return _NEVER
    return found if found.tzinfo else _NEVER


def policies(obj: Object) -> tuple[str, ...]:
    found = (obj.get("spec") or {}).get("managementPolicies")
    return tuple(str(each) for each in found) if isinstance(found, list) else (ALL,)


def is_observed_only(obj: Object) -> bool:
    return set(policies(obj)) == {"Observe"}


def preset(given: Sequence[str]) -> str:
    """Its name; empty for a combination of one's own."""
    return next((name for name, actions in PRESETS.items() if set(actions) == set(given)), "")


def stays_outside(obj: Object) -> bool:
    """Whether the thing outside outlives the managed resource. A list of policies of one's own overrides Orphan."""
    allowed = set(policies(obj))
    if allowed == {ALL}:
        return (obj.get("spec") or {}).get("deletionPolicy") == "Orphan"
    return not allowed & {ALL, "Delete"}


def policy_words(obj: Object) -> str:
    """What the provider does with the thing outside, and what it does not."""
    allowed = policies(obj)
    name = preset(allowed)
    if name == "paused":
        return "managementPolicies is empty: the provider does nothing with it"
    may = [each for each in ACTIONS if ALL in allowed or each in allowed]
    lacks = [each for each in ACTIONS if each not in may]
    said = f"{name or 'own choice'}: {', '.join(may)}" + (f"; never {', '.join(lacks)}" if lacks else "")
    return f"{said}; when this is deleted, the external resource {'stays' if stays_outside(obj) else 'goes'}"


def unsupported(given: Sequence[str]) -> str:
    """Why no provider by crossplane-runtime takes a combination; empty where it does."""
    chosen = set(given)
    if unknown := sorted(chosen - {ALL, *ACTIONS}):
        return f"{', '.join(unknown)} is no policy"
    if ALL in chosen:
        return "" if chosen == {ALL} else "* stands alone"
    if chosen and "Observe" not in chosen:
        return "without Observe nothing else can be done"
    if "Delete" in chosen and "Create" not in chosen and chosen != {"Observe", "Delete"}:
        return "Delete goes with Observe alone, or with Create"
    return ""


def owner(obj: Object) -> str:
    """The claim or composite at whose wish it is, as `Kind/name`; empty for one that stands by itself."""
    metadata = obj.get("metadata") or {}
    labels = metadata.get("labels") or {}
    if labels.get(CLAIM):
        return f"claim {labels.get(CLAIM_NAMESPACE)}/{labels[CLAIM]}"
    for each in metadata.get("ownerReferences") or ():
        if each.get("controller"):
            return f"{each.get('kind')}/{each.get('name')}"
    return f"composite {labels[COMPOSITE]}" if labels.get(COMPOSITE) else ""


def owner_names(obj: Object) -> set[str]:
    """All by which somebody may call its owner."""
    metadata = obj.get("metadata") or {}
    labels = metadata.get("labels") or {}
    named = {str(each.get("name")) for each in metadata.get("ownerReferences") or ()}
    return named | {str(labels[each]) for each in (COMPOSITE, CLAIM) if labels.get(each)}


def differences(obj: Object) -> list[str]:
    """Fields that are otherwise outside than is wanted; of what the provider does not report nothing can be said."""
    wanted = (obj.get("spec") or {}).get("forProvider")
    there = (obj.get("status") or {}).get("atProvider")
    found = list(_differences(wanted, there, "")) if isinstance(wanted, Mapping) and isinstance(there, Mapping) else []
    more = len(found) - _MOST_DIFFERENCES
    return found[:_MOST_DIFFERENCES] + ([f"and {more} more"] if more > 0 else [])


def _differences(wanted: Any, there: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        for key in wanted.keys() & there.keys():
            yield from _differences(wanted[key], there[key], f"{path}.{key}" if path else str(key))
    elif isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        for place, (one, other) in enumerate(zip(wanted, there, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]")
    elif wanted != there:
        yield f"{path}: wanted {wanted!r}, is {there!r}"


# -- Changes, in words -------------------------------------------------------------------------------------------------


def manifest(kind: Kind, name: str, namespace: str, spec: Object, external: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    metadata |= {"annotations": {EXTERNAL_NAME: external}} if external else {}
    return {"apiVersion": kind.api_version, "kind": kind.api.kind, "metadata": metadata, "spec": dict(spec)}


def import_words(obj: Object) -> str:
    """What comes of what is there already; empty where it is simply made."""
    name = external_name(obj)
    if is_observed_only(obj):
        return f"only observes {name or 'what is called as it is'}; the policies of preset full take it over"
    return f"takes over {name} where that exists, and brings it to this spec; else makes it" if name else ""


def creation_words(obj: Object) -> str:
    found = creation(obj)
    times = (("began", found.pending), ("succeeded", found.succeeded), ("failed", found.failed))
    return f"creation last {', '.join(' '.join((what, time or 'never')) for what, time in times)}"


def doubts(obj: Object, given: str = "") -> list[str]:
    """What somebody has to know who says that it may be created once more; `given` is the name of what was."""
    lines = [creation_words(obj), f"external name: {external_name(obj) or 'none'}"]
    if given:
        return [*lines, f"the provider will look for {given}, and create it if it is not there"]
    risk = "look outside first: if it was created under a name that the provider had made up, it is created once more"
    return [*lines, risk, "and the first is left behind; give external_name to take it over instead"]


def deletion_words(obj: Object) -> str:
    name = external_name(obj) or "what it stands for"
    if not (obj.get("metadata") or {}).get("finalizers"):
        return "no provider has taken it up, so nothing outside goes with it"
    if not policies(obj):
        return "its empty policies pause it: it stays until they are others"
    if is_paused(obj):
        return "it is paused: it stays until it is resumed"
    return f"outside, {name} is deleted" if not stays_outside(obj) else f"outside it is {name}"
