"""Pausing, resuming and asking for a reconcile.

An annotation that was written is no answer: what is waited for is the word of the controller, and where it has none to
give, that is said.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fairlead.crossplane import references, tracing
from fairlead.crossplane.upkeep import reconciling as facts
from fairlead.crossplane.upkeep.reconciling import NOW, PAUSE, RESUME, Asked
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, ITS_NAMESPACE, NAME
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.resources import patching
from fairlead.resources.gathering import together
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import Change
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
Found = tuple[Kind, Object]
_LIMITS = tracing.Limits(depth=20, nodes=500)
_PAUSE = 0.5
_VERBS = {PAUSE: "pause", RESUME: "resume", NOW: "reconcile"}


@dataclass(frozen=True)
class _Target:
    kind: Kind
    obj: Object
    change: Change
    asked: Asked


async def reconcile_resource(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind(arguments["kind"])
    action, token = arguments["action"], _token()
    try:
        obj = await reader.one(kind, arguments["name"], arguments.get("namespace", ""))
        facts.check(obj, kind.api.categories, action)
        notes = facts.notes(obj, kind.api.categories, action, tree=bool(arguments.get("tree")))
        found: list[Found] = [(kind, obj)]
        if arguments.get("tree"):
            more, left = await _below(reader, kind, obj, action)
            found, notes = found + more, notes + left
        turn = asyncio.Semaphore(tracing.AT_ONCE)
        targets = await together(*(_target(reader, turn, *each, action, token) for each in found))
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    first = changing.noted(targets[0].change, notes)
    plan = changing.announcing([first, *(each.change for each in targets[1:])])
    return _proving(reader, plan, targets, action, arguments["wait_seconds"])


def _token() -> str:
    """Another one each time, and readable."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(2)}"


async def _below(reader: Reader, kind: Kind, obj: Object, action: str) -> tuple[list[Found], list[str]]:
    name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace") or ""
    trace = await tracing.trace(reader, kind, name, namespace, limits=_LIMITS)
    nodes, left = facts.below(trace, action)
    kinds = [await reader.kind(each.reference.kind, each.reference.api_version) for each in nodes]
    return [(kind, each.obj or {}) for kind, each in zip(kinds, nodes, strict=True)], left


async def _target(reader: Reader, turn: asyncio.Semaphore, kind: Kind, obj: Object, action: str, token: str) -> _Target:
    metadata = obj["metadata"]
    async with turn:
        change = await patching.planned(
            *(reader, kind, metadata["name"], metadata.get("namespace") or "", facts.patch(action, token)),
            verb=_VERBS[action],
            wanted=action,
        )
        asked = await _asked(reader, kind, obj, action, token)
    return _Target(kind, obj, _without_token(change) if action == NOW else change, asked)


def _without_token(change: Change) -> Change:
    """A request takes the place of the one before it, which is no loss that anybody has to agree to."""
    before = dict(change.before or {})
    metadata = dict(before["metadata"])
    kept = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != facts.REQUESTED}
    return replace(change, before={**before, "metadata": {**metadata, "annotations": kept}})


async def _asked(reader: Reader, kind: Kind, obj: Object, action: str, token: str) -> Asked:
    """Of a claim the composite is what answers a request."""
    composite = (obj.get("spec") or {}).get("resourceRef") or {}
    if action == NOW and "claim" in kind.api.categories and composite.get("name"):
        kind = await reader.kind(str(composite.get("kind")), str(composite.get("apiVersion")))
        obj = await reader.one(kind, str(composite["name"]))
    found = facts.asked(obj, references.of(obj), kind.api.categories, action, token)
    return replace(found, events=await facts.happened(reader, found)) if found.event else found


def _proving(reader: Reader, plan: Plan, targets: Sequence[_Target], action: str, seconds: int) -> Plan:
    async def carry_out() -> Answer:
        answer = await plan.carry_out()
        if action == RESUME:
            for each in targets:
                if facts.is_cron(each.obj):
                    await _touch(reader, each)
        told = await _proofs(reader, targets, seconds)
        root = targets[0].change
        told.append(
            _later(root) if action == PAUSE else await changing.settled(reader, root.kind, root.name, root.namespace, 0)
        )
        return replace(answer, text="\n".join([answer.text, *told]))

    return replace(plan, carry_out=carry_out)


def _later(root: Change) -> str:
    where = f" namespace={root.namespace}" if root.namespace else ""
    return f"later: reconcile_resource kind={root.kind.resource.qualified} name={root.name}{where} action=resume"


async def _touch(reader: Reader, target: _Target) -> None:
    """One more of its runs is kept, for a moment: its spec alone brings its controller to look at it again."""
    limit = int((target.obj.get("spec") or {}).get("successfulHistoryLimit", 3))
    for each in (limit + 1, limit):
        patch = {"spec": {"successfulHistoryLimit": each}}
        try:
            await reader.client.patch(target.kind.resource, target.change.name, patch)
        except FairleadError as error:
            raise planned.refused(error, target.kind) from error


async def _proofs(reader: Reader, targets: Sequence[_Target], seconds: int) -> list[str]:
    """One line for each, or for all that are alike."""
    waiting = {each for each in range(len(targets)) if facts.provable(targets[each].obj, targets[each].asked)}
    told = {each: _unprovable(targets[each]) for each in range(len(targets)) if each not in waiting}
    try:
        async with asyncio.timeout(seconds):
            while waiting:
                for each in sorted(waiting):
                    if said := await _proof(reader, targets[each]):
                        told[each] = f"seen by its controller ({said})"
                        waiting.remove(each)
                if waiting:
                    await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass
    told |= {each: _unproved(targets[each].asked, seconds) for each in waiting}
    return _grouped([(targets[each].change.subject, told[each]) for each in range(len(targets))])


async def _proof(reader: Reader, target: _Target) -> str:
    asked = target.asked
    try:
        kind = await reader.kind(asked.reference.kind, asked.reference.api_version)
        obj = await reader.one(kind, asked.reference.name, asked.reference.namespace)
        return facts.proof(obj, asked, await facts.happened(reader, asked) if asked.event else 0)
    except FairleadError as error:
        raise ToolError(f"the annotation was written; what came of it could not be read: {error}") from error


def _unprovable(target: _Target) -> str:
    if facts.is_cron(target.obj):
        return "its next run sees the annotation, and does not start"
    return "its controller sees the annotation, and leaves no proof of it"


def _unproved(asked: Asked, seconds: int) -> str:
    if asked.action == NOW:
        return f"no proof within {seconds} s: Crossplane before 2.3 and older providers leave none"
    return f"not seen by its controller within {seconds} s: diagnose_resource says whether it runs"


def _grouped(told: Sequence[tuple[str, str]]) -> list[str]:
    by_text: dict[str, list[str]] = {}
    for subject, text in told:
        by_text.setdefault(text, []).append(subject)
    return [f"{', '.join(subjects)}: {text}" for text, subjects in by_text.items()]


_KIND = Parameter("kind", "E.g. claim, provider.", required=True)
_ACTION = Parameter("action", "now: reconcile once.", required=True, choices=facts.ACTIONS)
_TREE = Parameter("tree", "And all below it.", type="boolean")
_MADE = Right(("get", "patch"), "*", "*", ("claim", "composite", "managed"))
_BELOW = Right(("get",), "*", "*")
_PACKAGES = ("providers", "configurations", "functions")
_OWN = {
    "apiextensions.crossplane.io": (
        *("compositeresourcedefinitions", "compositionrevisions"),
        *("managedresourcedefinitions", "managedresourceactivationpolicies"),
    ),
    "pkg.crossplane.io": (*_PACKAGES, *(f"{each[:-1]}revisions" for each in _PACKAGES)),
    "ops.crossplane.io": ("cronoperations", "watchoperations"),
    "protection.crossplane.io": ("usages", "clusterusages"),
}
_RIGHTS = (
    *(_MADE, _BELOW, changing.EVENTS),
    *(Right(("get", "patch"), group, each) for group, plurals in _OWN.items() for each in plurals),
    *(Right(("list",), "pkg.crossplane.io", f"{each[:-1]}revisions") for each in _PACKAGES),
    Right(("get",), "pkg.crossplane.io", "locks"),
)
TOOLS: tuple[Tool, ...] = (
    Tool(
        "reconcile_resource",
        "Pause, resume or reconcile",
        "Pause (suspend) reconciliation of a resource, package or scheduled operation, resume (unpause) it, or force a "
        "reconcile (sync) now.",
        plan=reconcile_resource,
        parameters=(_KIND, NAME, ITS_NAMESPACE, _ACTION, _TREE, changing.SHORT_WAIT, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        rights=_RIGHTS,
    ),
)
