"""Changes of Crossplane's objects as plans: what the tools of every kind share.

A deletion shows how much goes with it, and counts again when it is confirmed: the counts are part of the plan's digest,
so that growth makes another plan. A count that cannot be read stops the deletion. Whatever Crossplane has to take up
after a change is waited for, because "created" is not the answer that anybody wants.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from fairlead.crossplane import references
from fairlead.crossplane.judging import Health, State, judge
from fairlead.crossplane.understanding import deleting as consequences
from fairlead.crossplane.understanding import radius
from fairlead.machinery import encoding, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, ToolError
from fairlead.mcp.toolsets.core import planned
from fairlead.resources import applying, deleting, happening, patching, setting
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import Change, live, subject
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
WAIT = Parameter("wait_seconds", "For health.", type="integer", default=20, minimum=0, maximum=60)
SHORT_WAIT = replace(WAIT, default=5)
SET = Parameter("set", "path=value, e.g. spec.parameters.size=20.", type="array")
UNSET = Parameter("unset", "Paths to remove.", type="array")
EVENTS = Right(("list",), "", "events")
"""Whatever is not well says why by them."""
COMPOSITES = Right(("list",), "*", "*", ("composite",))
LIVES = Right(("list",), "*", "*", ("claim", "composite"))
"""To count what lives by something."""
_PAUSE = 0.5
_NAMED = 20


def reader(call: Call, arguments: Arguments) -> Reader:
    found: Reader = call.target(arguments.get("context", ""))
    return found


def narrower(call: Call) -> str:
    """How to ask for less than a whole object, where that is possible at all."""
    return "ask for single fields by resources_get" if call.offers("resources_get") else "kubectl shows it whole"


def structure(arguments: Arguments, name: str, kind: type = dict) -> Any:
    """Of an argument in YAML or JSON; None where it is not given. Raises `ToolError`."""
    text = arguments.get(name)
    if not text:
        return None
    try:
        found = encoding.from_yaml(text)
    except FairleadError as error:
        raise ToolError(f"{name} cannot be read as YAML", redacting.text(str(error))) from error
    if not isinstance(found, kind):
        raise ToolError(f"{name} is a {'list' if kind is list else 'mapping'} in YAML or JSON")
    return found


def labels(arguments: Arguments) -> dict[str, str]:
    """Of `key=value` pairs. Raises `ToolError`."""
    pairs = [each.partition("=") for each in arguments.get("labels") or ()]
    if any(not sign for _, sign, _ in pairs):
        raise ToolError("labels are written key=value")
    return {key: value for key, _, value in pairs}


async def created(
    call: Call, arguments: Arguments, manifest: Object, *notes: str, update: str = "", settles: bool = True
) -> Plan:
    """Refuses what is there already, and names the tool to change it by; `settles` waits for its health."""
    found = reader(call, arguments)
    try:
        kind = await found.kind(manifest["kind"], manifest["apiVersion"])
        name, namespace = manifest["metadata"]["name"], manifest["metadata"].get("namespace", "")
        before = await live(found, kind, name, namespace)
        if before is not None:
            health = _said(judge(before))
            remedy = f"change it with {update}" if update else "choose another name"
            raise ToolError(f"{subject(kind, name, namespace)} is there already: {health}", "", remedy)
        change = await applying.planned(found, manifest)
    except ToolError:
        raise
    except FairleadError as error:
        raise planned.refused(error) from error
    changes = [noted(change, notes)]
    return settling(found, changes, arguments) if settles else announcing(changes)


async def patched(
    call: Call,
    arguments: Arguments,
    kind: Kind,
    patch: Object,
    *notes: str,
    remarks: Sequence[str] = (),
    settles: bool = True,
) -> Plan:
    found = reader(call, arguments)
    try:
        change = await patching.planned(found, kind, arguments["name"], arguments.get("namespace", ""), patch)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    changes = [replace(noted(change, notes), remarks=_plain(remarks))]
    return settling(found, changes, arguments) if settles else announcing(changes)


def fields(arguments: Arguments, obj: Object) -> Object:
    """The merge patch that `set` and `unset` ask for; empty where they ask for nothing. Raises `ToolError`."""
    try:
        return setting.merge_patch(obj, arguments.get("set") or (), arguments.get("unset") or ())
    except setting.SettingError as error:
        raise ToolError(error.what, error.why, error.remedy) from error


async def deleted(
    call: Call,
    arguments: Arguments,
    kind: Kind,
    *notes: str,
    first: Callable[[Reader, Object], Awaitable[None]] | None = None,
) -> Plan:
    """`first` is done with what is to be deleted, but not where it is in use: then it stays, and so does all below it.

    Raises `ToolError` where it cannot be counted what goes with it.
    """
    found = reader(call, arguments)
    try:
        change = await deleting.planned(found, kind, arguments["name"], arguments.get("namespace", ""))
        before = change.before or {}
        goes = await radius.radius(found, before)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    if goes.unread:
        why = "; ".join(goes.unread)
        raise ToolError(f"what goes with {change.subject} cannot be counted, so it is not deleted", why)
    counted = [f"goes with it: {', '.join(f'{count} {name}' for name, count in goes.counts)}"] if goes.total else []
    counted += [f"by name: {some(goes.names)}"] if goes.names else []
    stays = [f"{change.subject}: what it stands for outside stays"] if consequences.stays_outside(before) else []
    where = f" namespace={change.namespace}" if kind.resource.namespaced else ""
    then = f"explain_deletion kind={kind.resource.qualified} name={change.name}{where} says how far it is"
    if first and not deleting.is_used(before):
        change = change.preceded_by(partial(first, found, before))
    return planned.plan([noted(change, (*counted, *stays, *notes))], then)


def some(names: Sequence[str]) -> str:
    """As many as are read, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def noted(change: Change, notes: Sequence[str]) -> Change:
    return replace(change, notes=(*change.notes, *_plain(notes)))


def _plain(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(redacting.text(fencing.plain(each)) for each in lines if each)


def settling(found: Reader, changes: list[Change], arguments: Arguments) -> Plan:
    seconds = arguments.get("wait_seconds") or 0

    async def tell() -> list[str]:
        return [await settled(found, each.kind, each.name, each.namespace, seconds) for each in changes]

    return telling(announcing(changes), tell)


def announcing(changes: Sequence[Change]) -> Plan:
    """What was noted is said after it too where nobody is asked before."""
    is_asked = any(each.removes for each in changes)

    async def tell() -> list[str]:
        return [] if is_asked else [note for each in changes for note in (*each.notes, *each.remarks)]

    return telling(planned.plan(changes), tell)


def telling(plan: Plan, tell: Callable[[], Awaitable[Sequence[str]]]) -> Plan:
    """The plan, whose answer goes on with what `tell` finds out after it was carried out."""

    async def carry_out() -> Answer:
        answer = await plan.carry_out()
        try:
            told = await tell()
        except FairleadError as error:
            told = [f"what came of it could not be read: {error}"]
        return replace(answer, text="\n".join([answer.text, *map(redacting.text, map(fencing.plain, told))]))

    return replace(plan, carry_out=carry_out)


async def settled(found: Reader, kind: Kind, name: str, namespace: str, seconds: int) -> str:
    """How it is as soon as it is well, or after so many seconds."""
    health, obj = Health(State.UNKNOWN), Object()
    try:
        async with asyncio.timeout(seconds or None):
            while True:
                obj = await found.one(kind, name, namespace)
                health = judge(obj, kind.api.categories)
                if health.state in (State.HEALTHY, State.PAUSED) or not seconds:
                    break
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass
    except FairleadError as error:
        return f"how it is could not be read: {error}"
    lines = [f"state: {_said(health)}"]
    if health.state not in (State.HEALTHY, State.PAUSED):
        lines += await warnings(found, obj)
        where = f" namespace={namespace}" if namespace else ""
        lines.append(f"next: diagnose_resource kind={kind.resource.qualified} name={name}{where}")
    return "\n".join(lines)


def _said(health: Health) -> str:
    return redacting.text(
        fencing.plain(": ".join(each for each in (health.state.value, health.reason, health.message) if each))
    )


async def warnings(found: Reader, obj: Object, most: int = 3) -> list[str]:
    """The latest of its events; a line of its own where they cannot be read."""
    try:
        said = await happening.warnings(found, obj)
    except FairleadError as error:
        return [f"events not read: {error}"]
    return [redacting.text(fencing.plain(f"event: {each}")) for each in said[:most]]


def summary(obj: Object, categories: Sequence[str] = ()) -> str:
    return f"{references.of(obj)}: {_said(judge(obj, categories))}"
