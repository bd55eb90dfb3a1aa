"""A trace as rows, and all that is found out as documents, for people's programs and for agents alike.

The tree is flat: each row says its parent. A nested document of ten levels is the dearest way to tell a model what
belongs to what, and the hardest for a program to search.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.crossplane import sources
from fairlead.crossplane.judging import State
from fairlead.crossplane.references import Reference
from fairlead.crossplane.surveying import Survey
from fairlead.crossplane.tracing import Node, Trace
from fairlead.crossplane.understanding.causes import Cause
from fairlead.crossplane.understanding.deleting import Deletion
from fairlead.crossplane.understanding.diagnosing import Diagnosis
from fairlead.machinery import conditions

_PACKAGED = "pkg.crossplane.io/"
COLUMNS = ("NAME", "SYNCED", "READY", "STATUS")
PACKAGE_COLUMNS = ("NAME", "VERSION", "INSTALLED", "HEALTHY", "STATUS")


def columns(trace: Trace) -> tuple[str, ...]:
    return PACKAGE_COLUMNS if _is_packaged(trace.root) else COLUMNS


def _is_packaged(node: Node) -> bool:
    return node.reference.api_version.startswith(_PACKAGED)


def rows(trace: Trace, *, wide: bool = False) -> list[tuple[Node, tuple[str, ...]]]:
    """Each node with its cells, the first of which is drawn as the branch of a tree."""
    packaged = _is_packaged(trace.root)
    return [(node, (f"{prefix}{_called(node, wide)}", *_cells(node, packaged))) for node, prefix in _drawn(trace)]


def _called(node: Node, wide: bool) -> str:
    made = f" [{node.composed_name}]" if wide and node.composed_name else ""
    return f"{node.reference}{made}"


def _cells(node: Node, packaged: bool) -> tuple[str, ...]:
    if not packaged:
        return node.status("Synced"), node.status("Ready"), status(node)
    revised = node.reference.kind.endswith("Revision")
    healthy = next((node.status(each) for each in ("Healthy", "RevisionHealthy") if node.status(each) != "-"), "-")
    desired = str(((node.obj or {}).get("spec") or {}).get("desiredState") or "-")
    installed = desired if revised else node.status("Installed")
    return sources.of(node.obj or {}).version or "-", installed, healthy, status(node)


def status(node: Node) -> str:
    """One line, whole; what was cut below it at the end."""
    health = node.health
    said = ": ".join(filter(None, (health.reason, health.message)))
    shown = said if health.state is State.HEALTHY else f"{health.state.value}: {said}" if said else health.state.value
    return " ".join("; ".join(each for each in (shown, node.cut) if each).split())


def _drawn(trace: Trace) -> Iterator[tuple[Node, str]]:
    def below(node: Node, indent: str) -> Iterator[tuple[Node, str]]:
        children = trace.children(node)
        for place, child in enumerate(children):
            last = place == len(children) - 1
            yield child, f"{indent}{'└─ ' if last else '├─ '}"
            yield from below(child, f"{indent}{'   ' if last else '│  '}")

    yield trace.root, ""
    yield from below(trace.root, "")


def document(trace: Trace) -> dict[str, Any]:
    """For programs: every node with its conditions, by the number of its parent."""
    return {"nodes": [_node(each) for each in trace.nodes], "complete": not trace.is_cut}


def _node(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"id": node.id, "parent": node.parent, "depth": node.depth, **_named(node.reference)}
    found |= {"composedName": node.composed_name} if node.composed_name else {}
    if _is_packaged(node) and (source := str(sources.of(node.obj or {}))):
        found["package"] = source
    health = node.health
    found["health"] = {"state": health.state.value, "reason": health.reason, "message": health.message}
    found["conditions"] = conditions.conditions(node.obj or {})
    return found | ({"cut": node.cut} if node.cut else {})


def _named(reference: Reference) -> dict[str, Any]:
    found = {"apiVersion": reference.api_version, "kind": reference.kind, "name": reference.name}
    return found | ({"namespace": reference.namespace} if reference.namespace else {})


def diagnosis(found: Diagnosis) -> dict[str, Any]:
    root = found.trace.root
    return {
        "object": _named(root.reference),
        "healthy": not found.causes,
        "causes": [_cause(each) for each in found.causes],
        "notRead": list(found.unread),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    told: dict[str, Any] = {"name": cause.name, "about": _named(cause.about), "what": cause.what}
    told |= {"evidence": list(cause.evidence), "remedy": cause.remedy}
    if cause.next is not None:
        told["next"] = cause.next.command
    return told


def survey(found: Survey) -> dict[str, Any]:
    groups = [
        {"cause": title, "objects": [_named(each.reference) for each in members]} for title, members in found.grouped()
    ]
    counts = {"kinds": found.kinds, "objects": found.objects}
    return counts | {"warnings": list(found.warnings), "unhealthy": groups, "notRead": list(found.unread)}


def deletion(found: Deletion) -> dict[str, Any]:
    return {
        "object": _named(found.trace.root.reference),
        "since": found.since or None,
        "finalizers": [{"name": name, "removedBy": who} for name, who in found.finalizers],
        "usages": list(found.usages),
        "goes": dict(found.goes),
        "staysOutside": list(found.stays),
        "obstacles": [_cause(each) for each in found.obstacles],
        "notRead": list(found.unread),
    }
