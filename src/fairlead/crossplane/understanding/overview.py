"""A control plane at a glance: which Crossplane it is, what runs it, what is installed and offered, and how that is.

The version is nowhere in the API; it is in the image of Crossplane's Deployment, where that may be read, and else shows
in the kinds that are served. Each part is asked for apart, so that one that is forbidden is named and the rest is told.

Source: reference/crossplane.md §1 (capability detection), §2.3 (control_plane_status).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import presence
from fairlead.crossplane.judging import State, judge
from fairlead.machinery import conditions
from fairlead.machinery.errors import FairleadError
from fairlead.resources.kinds import Kinds, UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
_PACKAGES = ("Provider", "Configuration", "Function")
_CATEGORIES = ("claim", "composite", "managed")


@dataclass(frozen=True)
class Overview:
    lines: tuple[tuple[str, str], ...]
    """What is told of, and what is said; in the order of interest."""
    unread: tuple[str, ...]


async def overview(reader: Reader) -> Overview:
    """Raises what discovery raises."""
    kinds = await reader.kinds(anew=True)
    parts: dict[str, Callable[[Reader], Awaitable[str]]] = {
        "runs as": _deployments,
        "packages": _packages,
        "dependencies": _lock,
        "platform APIs": _definitions,
        "activation": _activation,
    }
    asked = await asyncio.gather(*(each(reader) for each in parts.values()), return_exceptions=True)
    told, unread = [("Crossplane", _generation(kinds))], []
    for name, found in zip(parts, asked, strict=True):
        if isinstance(found, FairleadError):
            unread += [f"{name}: {found}"] if not isinstance(found, UnknownKindError) else []
        elif isinstance(found, BaseException):
            raise found
        elif found:
            told.append((name, found))
    counts = ", ".join(f"{len(kinds.category(each))} of {each}" for each in _CATEGORIES)
    return Overview((*told, ("kinds served", counts)), tuple(unread))


def _generation(kinds: Kinds) -> str:
    """By what is served."""

    def has(kind: str, version: str) -> bool:
        try:
            kinds.find(kind, version)
        except UnknownKindError:
            return False
        return True

    if lacking := presence.missing(kinds):
        return f"only half installed: not served: {', '.join(lacking)}; restart its Pods, which install what is missing"
    if not has("CompositeResourceDefinition", "apiextensions.crossplane.io/v1"):
        return "is not installed here: its API is not served"
    if not has("CompositeResourceDefinition", "apiextensions.crossplane.io/v2"):
        return "1.x: claims and cluster-scoped composites"
    more = [
        name
        for name, kind, version in (
            ("managed resource definitions", "ManagedResourceDefinition", "apiextensions.crossplane.io/v1alpha1"),
            ("operations (if enabled)", "Operation", "ops.crossplane.io/v1alpha1"),
            ("usages", "Usage", "protection.crossplane.io/v1beta1"),
        )
        if has(kind, version)
    ]
    return f"2.x, with {', '.join(more)}" if more else "2.x"


async def _deployments(reader: Reader) -> str:
    found = await reader.every("Deployment", "apps/v1", label_selector="app in (crossplane,crossplane-rbac-manager)")
    told = []
    for each in found:
        container = ((each["spec"].get("template") or {}).get("spec") or {}).get("containers", [{}])[0]
        flags = [str(one) for one in container.get("args") or () if str(one).startswith("--enable")]
        state = "scaled to zero" if presence.is_off(each) else judge(each).state.value
        said = f"{each['metadata']['name']} {container.get('image')}: {state}"
        told.append(f"{said} ({' '.join(flags)})" if flags else said)
    return "; ".join(told) or "no Deployment of its own here"


async def _packages(reader: Reader) -> str:
    told = []
    for kind in _PACKAGES:
        states = Counter(judge(each).state for each in await reader.every(kind, "pkg.crossplane.io/v1"))
        told.append(f"{states.total()} {kind}{_not_well(states)}")
    return ", ".join(told)


def _not_well(states: Counter[State]) -> str:
    wrong = states.total() - states[State.HEALTHY]
    return f" ({wrong} not healthy)" if wrong else ""


async def _lock(reader: Reader) -> str:
    for each in await reader.every("Lock", "pkg.crossplane.io/v1beta1"):
        found = conditions.get(each, "Resolved") or {}
        if found.get("status") == "False":
            return f"not resolved: {found.get('message')}"
    return "resolved"


async def _definitions(reader: Reader) -> str:
    found = await reader.every("CompositeResourceDefinition", "apiextensions.crossplane.io/v1")
    states = Counter(judge(each).state for each in found)
    claims = sum(bool((each.get("spec") or {}).get("claimNames")) for each in found)
    return f"{states.total()} XRDs{_not_well(states)}, {claims} with claims"


async def _activation(reader: Reader) -> str:
    found = await reader.every("ManagedResourceActivationPolicy", "apiextensions.crossplane.io/v1alpha1")
    told = [f"{each['metadata']['name']}: {', '.join(each['spec'].get('activate') or ())}" for each in found]
    return "; ".join(told) or "no policy: managed resource definitions stay inactive until one names them"
