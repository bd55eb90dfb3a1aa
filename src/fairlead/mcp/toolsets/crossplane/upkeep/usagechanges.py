"""Usages changed and ended; what their end sets off is said before.

A usage that replays deletions deletes what it protects when it goes, if that was tried before. So its deletion shows
the other deletion too, with all that goes with that, and waits for it.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import references
from fairlead.crossplane.understanding import radius
from fairlead.crossplane.upkeep import protecting as facts
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.upkeep import usages, usagesides
from fairlead.resources import patching
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import live
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_PAUSE = 0.5
_GONE_SECONDS = 10
"""Crossplane waits two seconds before it replays a deletion."""


async def update_usage(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    name, namespace = arguments["name"], arguments.get("namespace", "")
    kind = await facts.place(reader, namespace)
    try:
        found = await reader.one(kind, name, namespace)
        by, notes = await usagesides.user(reader, arguments, namespace)
        patch = _patch(found, by, arguments)
        change = await patching.planned(reader, kind, name, namespace, patch)
        notes += await _due(reader, found, arguments)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    plan = planned.plan([changing.noted(change, notes)])

    async def tell() -> list[str]:
        return await usages.about(reader, await reader.one(kind, name, namespace))

    return changing.telling(plan, tell)


def _patch(found: Object, by: Object | None, arguments: Arguments) -> Object:
    """With the user's exchange its ownership goes too, or the usage would outlive the new one. Raises `ToolError`."""
    unset = set(arguments.get("unset") or ())
    if unset - {"by", "reason"}:
        raise ToolError("unset takes by and reason alone", "", "what is protected stays: make another usage for that")
    spec: Object = dict.fromkeys(unset)
    spec |= {"by": {**by, "resourceSelector": None}} if by else {}
    spec |= {"reason": arguments["reason"]} if arguments.get("reason") else {}
    spec |= {"replayDeletion": arguments["replay_deletion"]} if arguments.get("replay_deletion") is not None else {}
    if not spec:
        raise ToolError("nothing to change was given", "", "give reason, by_kind and by_name, replay_deletion or unset")
    after = {**found["spec"], **spec}
    if not after.get("by") and not after.get("reason"):
        raise ToolError("a usage needs a reason or what uses it", "", "give the other one, or delete_usage")
    patch: Object = {"spec": spec}
    if "by" in spec and facts.target(found, "by") is not None:
        patch["metadata"] = {"ownerReferences": facts.without_user(found)}
    return patch


async def _due(reader: Reader, found: Object, arguments: Arguments) -> list[str]:
    """That a deletion which was refused before now counts."""
    if not arguments.get("replay_deletion"):
        return []
    used = await _used(reader, found)
    how = facts.tried(used) if used else ""
    return [f"the deletion of {references.of(used)} was tried already ({how}): it goes when this ends"] if how else []


async def _used(reader: Reader, usage: Object) -> Object:
    """Empty where it is not there. Raises what `Reader` raises."""
    reference = facts.target(usage, "of")
    if reference is None:
        return {}
    try:
        return await facts.look(reader, reference)
    except statuses.NotFound:
        return {}


async def delete_usage(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    name, namespace = arguments["name"], arguments.get("namespace", "")
    kind = await facts.place(reader, namespace)
    try:
        found = await reader.one(kind, name, namespace)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    try:
        used = await _used(reader, found)
        more = facts.others(found, await facts.every(reader)) if used else []
        notes = await _ends(reader, found, used, more)
    except FairleadError as error:
        raise ToolError("what its end sets off cannot be told, so it is not deleted", str(error)) from error
    plan = await changing.deleted(call, arguments, kind, *notes)
    seconds = _GONE_SECONDS if facts.replays(found, used, more) else 0

    async def tell() -> list[str]:
        return await _gone(reader, kind, found, used, seconds)

    return changing.telling(plan, tell)


async def _ends(reader: Reader, usage: Object, used: Object, more: list[Mapping[str, Any]]) -> list[str]:
    """Raises `ToolError` where it cannot be counted what goes."""
    if not used:
        return ["what it protects is not there"]
    notes = [facts.ending(usage, used, more)]
    if facts.replays(usage, used, more):
        goes = await radius.radius(reader, used)
        if goes.unread:
            raise ToolError(f"what goes with {references.of(used)} cannot be counted", "; ".join(goes.unread))
        notes += [f"with it go: {', '.join(f'{count} {kind}' for kind, count in goes.counts)}"] if goes.total else []
    if (usage["metadata"].get("labels") or {}).get("crossplane.io/composite") and facts.target(usage, "by"):
        notes.append("a composite made it: it goes only when its user is gone, and may be made anew before")
    return notes


async def _gone(reader: Reader, kind: Kind, usage: Object, used: Object, seconds: int) -> list[str]:
    """Of the usage, and of what is deleted with it."""
    if not seconds:
        return []
    name, namespace = usage["metadata"]["name"], usage["metadata"].get("namespace", "")
    until = asyncio.get_running_loop().time() + seconds
    while True:
        waits = await live(reader, kind, name, namespace) is not None
        left = await _used(reader, usage)
        stays = bool(left) and left["metadata"].get("uid") == used["metadata"].get("uid")
        if not (waits or stays) or asyncio.get_running_loop().time() > until:
            break
        await asyncio.sleep(_PAUSE)
    if waits:
        return [f"{kind.api.kind} {name} is not gone yet: explain_deletion says why"]
    if stays:
        return [changing.summary(left)]
    anew = "; something has made it anew" if left else ""
    return [f"{references.of(used)} is gone: its deletion was replayed{anew}"]


TOOLS: tuple[Tool, ...] = (
    Tool(
        "update_usage",
        "Update a usage",
        "Change why, for whom, or how an object is protected from deletion.",
        plan=update_usage,
        parameters=(
            *(*usages.OWN, *usagesides.BY, usagesides.BY_SELECTOR, usages.REASON, usages.REPLAY),
            Parameter("unset", "by or reason.", type="array"),
            *(DRY_RUN, CONTEXT),
        ),
        tool_class=ToolClass.WRITE,
        rights=(*usages.rights("get", "patch"), Right(("get", "list"), "*", "*")),
    ),
    Tool(
        "delete_usage",
        "Delete a usage",
        "End a protection from deletion; says first whether a deletion that it blocked is replayed then.",
        plan=delete_usage,
        parameters=(*usages.OWN, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(*usages.rights("get", "delete"), *usages.LISTS, usages.ANY),
    ),
)
