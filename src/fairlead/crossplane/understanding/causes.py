"""A cause: why an object is not well, what shows it, and what to do about it.

Rules are kept apart because they are what grows: each is one function from a node and its circumstances to at most one
cause, and knows nothing of the others; `rules` holds them by what they are about. Which cause is the root is decided by
weight alone: what stops everything above it weighs more than what is only the echo of something below.

Source: reference/crossplane.md §1 (conditions and reasons), §7 (what users are stopped by).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane.references import Reference
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.steps import Next
from fairlead.machinery import conditions

Object = Mapping[str, Any]
OF_CLAIMS = "finalizer.apiextensions.crossplane.io"
"""The finalizer that Crossplane puts on every claim."""
FINALIZERS: Mapping[str, str] = {
    OF_CLAIMS: "the claim controller, when its composite is gone",
    "composite.apiextensions.crossplane.io": "the composite controller, at once",
    "finalizer.managedresource.crossplane.io": "the provider, when the external resource is gone",
    "in-use.crossplane.io": "the provider, when no managed resource uses the config",
    "usage.apiextensions.crossplane.io": "the usage controller, when the using resource is gone",
    "revision.pkg.crossplane.io": "the package manager, when the revision's objects are given up",
    "watchoperation.ops.crossplane.io": "the operation controller, when it watches no more",
    "defined.apiextensions.crossplane.io": "the definition controller, when every composite is gone",
    "offered.apiextensions.crossplane.io": "the offering controller, when every claim is gone",
    "customresourcecleanup.apiextensions.k8s.io": "the API server, when every object of the kind is gone",
    "foregroundDeletion": "the garbage collector, when what it owns is gone",
}
"""Whoever removes each, and when."""


@dataclass(frozen=True)
class Cause:
    name: str
    """Of the rule, for programs."""
    about: Reference
    what: str
    """One sentence."""
    evidence: tuple[str, ...]
    remedy: str
    next: Next | None
    weight: int


Rule = Callable[[Node, Circumstances], Cause | None]


def said(node: Node, kind: str) -> str:
    """A condition in words."""
    found = conditions.get(node.obj or {}, kind) or {}
    told = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    return f"{kind} is {found.get('status')}: {told}" if found else f"it has no condition {kind}"


def health_of(node: Node) -> str:
    return ": ".join(filter(None, (node.health.reason, node.health.message)))


def could_read(known: Circumstances, *kinds: str) -> bool:
    """Whether all objects of these kinds are known, so that one which is not among them does not exist."""
    return not any(each.startswith(f"{kind} of ") for each in known.unread for kind in kinds)


def failure(node: Node, known: Circumstances, *kinds: str) -> str:
    """What it fails with now: of conditions, and of events only where no condition says anything.

    Events are remembered for an hour after what they tell of was mended.
    """
    if told := message(node, *kinds):
        return told
    return "" if conditions.is_true(node.obj or {}, "Synced") else " ".join(known.warnings(node)[:3])


def message(node: Node, *kinds: str) -> str:
    """Of conditions that are not true."""
    found = (conditions.get(node.obj or {}, each) or {} for each in kinds)
    return " ".join(str(each.get("message") or "") for each in found if each.get("status") != "True")
