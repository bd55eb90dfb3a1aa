"""Managed resource definitions and the policies that switch them on, for good."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.managed import activation
from fairlead.crossplane.managed.activation import Definition
from fairlead.crossplane.understanding import steps
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, LIMIT, NAME
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.resources import applying, patching, tabulating
from fairlead.resources.planning import Change, live
from fairlead.resources.reading import Reader
from fairlead.resources.tabulating import Rows

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_STATES = ("active", "inactive", "used", "unused")
_MOST_NAMED = 30
_MOST_AT_ONCE = 200
_POLICY = "additional"
_PAUSE = 0.5
_FOR_GOOD = "a definition that is active stays so: nothing deactivates it"


async def list_managed_resource_definitions(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    found = await _counted(reader)
    wanted = [each for each in found if _is_of(each, arguments.get("provider", "")) and _is_so(each, arguments)]
    wanted.sort(key=lambda each: (-(each.in_use or 0), not each.is_active, each.name))
    shown = wanted[: arguments["limit"]]
    cells = tuple((each.name, each.state, _count(each), each.provider) for each in shown)
    text = tabulating.render(Rows(("NAME", "STATE", "IN-USE", "PROVIDER"), cells)) if shown else "none"
    told = answering.fenced(redacting.text(text), "managed resource definitions", "narrow with provider or state")
    more = f", {len(shown)} shown; raise limit or narrow" if len(shown) < len(wanted) else ""
    return Answer("\n".join([told, f"{len(wanted)} definitions{more}", *_economy(found)]))


async def _counted(reader: Reader) -> list[Definition]:
    try:
        await reader.kinds(anew=True)
        found = await activation.definitions(reader)
        return await activation.counted(reader, found, await activation.providers(reader))
    except FairleadError as error:
        raise answering.refused(error) from error


def _is_of(definition: Definition, provider: str) -> bool:
    """By its provider's name, or by an API group or the end of one."""
    group = definition.name.partition(".")[2]
    return not provider or provider in (definition.provider, group) or group.endswith(f".{provider}")


def _is_so(definition: Definition, arguments: Arguments) -> bool:
    match arguments.get("state", ""):
        case "active":
            return definition.is_active
        case "inactive":
            return not definition.is_active
        case "used":
            return bool(definition.in_use)
        case "unused":
            return definition.is_active and definition.in_use == 0
    return True


def _count(definition: Definition) -> str:
    return "not read" if definition.in_use is None else str(definition.in_use)


def _economy(found: Sequence[Definition]) -> list[str]:
    """What would do, where many are active that nobody uses: each is a kind that the API server serves."""
    active = [each for each in found if each.is_active]
    used = [each.name for each in active if each.in_use]
    lines = [f"in all: {len(active)} active of {len(found)}, {len(used)} with objects"]
    if used and len(active) > len(used) and all(each.in_use is not None for each in active):
        lines.append(
            f"to serve only what is used: set_activation_policy patterns={','.join(used[:_MOST_NAMED])}"
            f"{' …' if len(used) > _MOST_NAMED else ''} in place of what matches more; what is active already stays so"
        )
    return lines


async def get_managed_resource_definition(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    found = await activation.definitions(reader)
    obj = _one(found, arguments["name"])
    try:
        known = (await activation.counted(reader, [obj], await activation.providers(reader)))[0]
        matching = activation.activators(known.name, await activation.policies(reader))
    except FairleadError as error:
        raise answering.refused(error) from error
    spec = obj.get("spec") or {}
    names, details = spec.get("names") or {}, spec.get("connectionDetails") or ()
    lines = [
        f"{known.name}: {known.state}",
        f"kind {names.get('kind')}, {spec.get('scope')}, versions "
        + ", ".join(f"{each.get('name')}{'' if each.get('served') else ' (not served)'}" for each in spec["versions"]),
        f"provider: {known.provider or 'not known'}",
        f"objects of it: {_count(known)}",
        f"matched by: {', '.join(matching) or 'no activation policy'}",
        *(f"connection detail {each.get('name')}: {each.get('description')}" for each in details),
        *await changing.warnings(reader, obj),
    ]
    text = answering.fenced(redacting.text("\n".join(lines)), f"definition {known.name}", "see its connection details")
    step = steps.activate_definition(known.name).of(call.offers) if not known.is_active else None
    return Answer(f"{text}\nnext: {step}" if step else text)


def _one(found: Sequence[Object], named: str) -> Object:
    """By its name, or by its kind where only one is called so. Raises `ToolError`."""
    names = activation.named(found, [named])
    if len(names) != 1:
        what = f"{len(names)} definitions are called {named}" if names else f"no definition is called {named}"
        raise ToolError(what, "", f"there are: {', '.join(names)}" if names else _near(found, named))
    return next(each for each in found if activation.name_of(each) == names[0])


def _near(found: Sequence[Object], named: str) -> str:
    near = activation.near(found, named)[:10]
    return f"near: {', '.join(near)}" if near else "see list_managed_resource_definitions"


async def activate_managed_resources(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    found = await activation.definitions(reader)
    for each in arguments["names"]:
        if not activation.named(found, [each]):
            raise ToolError(f"no definition matches {each}", "", _near(found, each))
    names = activation.named(found, arguments["names"])
    sleeping = _sleeping(found, names)
    if not sleeping:
        return _nothing(f"nothing to activate: {_some(names)} active already")
    if len(sleeping) > _MOST_AT_ONCE:
        raise ToolError(f"{len(sleeping)} definitions at once are too many", "", "activate what is needed by name")
    try:
        if arguments["via"] == "direct":
            changes = [await _directly(reader, each) for each in sleeping]
        else:
            there = [activation.name_of(each) for each in found]
            patterns = [
                one
                for each in arguments["names"]
                for one in ([each] if activation.covered([each], there) else activation.named(found, [each]))
            ]
            changes = [await _by_policy(reader, arguments["policy"], patterns, grows=True)]
    except FairleadError as error:
        raise planned.refused(error) from error
    changes[0] = _for_good(changes[0], [f"activates {_some(sleeping)}"])
    return changing.telling(planned.plan(changes), _established(reader, sleeping, arguments.get("wait_seconds") or 0))


def _sleeping(found: Sequence[Object], names: Collection[str]) -> list[str]:
    there = {activation.name_of(each): each for each in found}
    return [each for each in names if not activation.is_active(there[each])]


def _for_good(change: Change, notes: Sequence[str]) -> Change:
    """It is asked for, though nothing goes: that they are not active cannot be had again."""
    return replace(changing.noted(change, [*notes, _FOR_GOOD]), removes_more=True)


async def _directly(reader: Reader, name: str) -> Change:
    kind = await reader.kind(activation.MRD, activation.VERSION)
    return await patching.planned(reader, kind, name, "", {"spec": {"state": activation.ACTIVE}})


async def _by_policy(reader: Reader, name: str, patterns: Sequence[str], *, grows: bool) -> Change:
    """One that is made, or one that names these patterns as well, or instead."""
    kind = await reader.kind(activation.POLICY, activation.VERSION)
    before = await live(reader, kind, name, "")
    if before is None:
        return await applying.planned(reader, activation.policy(name, patterns))
    wanted = list(dict.fromkeys([*(activation.patterns(before) if grows else ()), *patterns]))
    return await patching.planned(reader, kind, name, "", {"spec": {"activate": wanted}})


def _nothing(said: str) -> Plan:
    async def read() -> Answer:
        return Answer(said)

    return Plan(said, said, read)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{len(names)}: {', '.join(names[:_MOST_NAMED])}{more}"


def _established(reader: Reader, names: Collection[str], seconds: int) -> Callable[[], Awaitable[list[str]]]:
    """How many of them can be used, as soon as all can, or after so many seconds."""

    async def tell() -> list[str]:
        waiting: list[Object] = []
        try:
            async with asyncio.timeout(seconds or None):
                while True:
                    found = await activation.definitions(reader)
                    waiting = [each for each in found if activation.name_of(each) in names and not _is_usable(each)]
                    if not waiting or not seconds:
                        break
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            pass
        lines = [changing.summary(each) for each in waiting[:_MOST_NAMED]]
        return [f"{len(names) - len(waiting)} of {len(names)} can be used now", *lines]

    return tell


def _is_usable(definition: Object) -> bool:
    return activation.is_active(definition) and judge(definition).state is State.HEALTHY


async def list_activation_policies(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    try:
        found = await activation.policies(reader)
        names = [activation.name_of(each) for each in await activation.definitions(reader)]
    except FairleadError as error:
        raise answering.refused(error) from error
    lines = [
        f"{changing.summary(each)}; {len((each.get('status') or {}).get('activated') or ())} activated by "
        + ", ".join(activation.patterns(each))
        for each in found
    ]
    told = answering.fenced(redacting.text("\n".join(lines) or "none"), "activation policies", "see one by its name")
    free = [each for each in names if not activation.activators(each, found)]
    left = f"; matched by none: {_some(free)}" if free else ""
    return Answer(
        "\n".join([told, redacting.text(fencing.plain(f"{len(found)} policies, {len(names)} definitions{left}"))])
    )


async def set_activation_policy(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    patterns = list(dict.fromkeys(arguments["patterns"]))
    if wrong := [each for each in patterns if not activation.is_wellformed(each)]:
        raise ToolError(
            f"{', '.join(wrong)} is no pattern", "Crossplane would match nothing by it", "e.g. *.s3.aws.m.upbound.io"
        )
    try:
        found = await activation.definitions(reader)
        change = await _by_policy(reader, arguments["name"], patterns, grows=False)
    except FairleadError as error:
        raise planned.refused(error) from error
    notes, sleeping = _preview(found, patterns, activation.patterns(change.before or {}))
    plan = planned.plan([_for_good(change, notes) if sleeping else changing.noted(change, notes)])
    return (
        changing.telling(plan, _established(reader, sleeping, arguments.get("wait_seconds") or 0)) if sleeping else plan
    )


def _preview(found: Sequence[Object], patterns: Sequence[str], before: Sequence[str]) -> tuple[list[str], list[str]]:
    """What it will match, as lines, and which definitions it will newly activate."""
    names = [activation.name_of(each) for each in found]
    matched = activation.covered(patterns, names)
    sleeping = _sleeping(found, matched)
    idle = [each for each in patterns if not activation.covered([each], names)]
    left = [each for each in activation.covered(before, names) if each not in matched]
    lines = [f"matches {len(matched)} of {len(names)} definitions"]
    lines += [f"activates {_some(sleeping)}"] if sleeping else []
    lines += [f"matched by nothing of it any more, but active for good: {_some(left)}"] if left else []
    lines += [f"{', '.join(idle)}: no definition is called so now"] if idle else []
    return lines, sleeping


async def delete_activation_policy(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    try:
        found = await activation.policies(reader)
        names = [activation.name_of(each) for each in await activation.definitions(reader)]
    except FairleadError as error:
        raise planned.refused(error) from error
    others = [each for each in found if activation.name_of(each) != arguments["name"]]
    own = [each for each in found if activation.name_of(each) == arguments["name"]]
    left = [each for one in own for each in activation.covered(activation.patterns(one), names)]
    left = [each for each in left if not activation.activators(each, others)]
    notes = [f"deactivates nothing: {_FOR_GOOD}"]
    notes += [f"no other policy matches {_some(left)}: made anew, they would be inactive"] if left else []
    kind = await reader.kind(activation.POLICY, activation.VERSION)
    return await changing.deleted(call, arguments, kind, *notes)


def _right(resource: str, *verbs: str) -> Right:
    return Right(verbs, activation.GROUP, resource)


_MRDS, _MRAPS = "managedresourcedefinitions", "managedresourceactivationpolicies"
_COUNTS = (
    _right(_MRDS, "list"),
    Right(("list",), "*", "*", ("managed",)),
    Right(("list",), "pkg.crossplane.io", "providerrevisions"),
)
_PATTERNS = "Names or patterns, e.g. *.s3.aws.m.upbound.io."
_SETTLE = (changing.WAIT, DRY_RUN, CONTEXT)
TOOLS: tuple[Tool, ...] = (
    Tool(
        "list_managed_resource_definitions",
        "List managed resource definitions",
        "The kinds (MRDs) that providers bring: active or not, how many objects of each; which policy would suffice.",
        list_managed_resource_definitions,
        (
            Parameter("state", "Only these.", choices=_STATES),
            Parameter("provider", "Its name, or an API group."),
            LIMIT,
            CONTEXT,
        ),
        rights=_COUNTS,
    ),
    Tool(
        "get_managed_resource_definition",
        "Get a managed resource definition",
        "One kind of a provider (MRD): active or not and by which policy, objects of it, connection details.",
        get_managed_resource_definition,
        (NAME, CONTEXT),
        rights=(*_COUNTS, _right(_MRAPS, "list"), Right(("list",), "", "events")),
    ),
    Tool(
        "activate_managed_resources",
        "Activate managed resources",
        "Switch on kinds of a provider that cannot be used yet; shows which before, because it is for good.",
        plan=activate_managed_resources,
        parameters=(
            Parameter("names", _PATTERNS, type="array", required=True),
            Parameter("via", "How.", default="policy", choices=("policy", "direct")),
            Parameter("policy", "Made or extended.", default=_POLICY),
            *_SETTLE,
        ),
        tool_class=ToolClass.WRITE,
        rights=(_right(_MRDS, "list", "get", "patch"), _right(_MRAPS, "get", "create", "patch")),
    ),
    Tool(
        "list_activation_policies",
        "List activation policies",
        "The policies (MRAPs) that decide which kinds of providers are active, and what no policy matches.",
        list_activation_policies,
        (CONTEXT,),
        rights=(_right(_MRDS, "list"), _right(_MRAPS, "list")),
    ),
    Tool(
        "set_activation_policy",
        "Set an activation policy",
        "Make an activation policy or change its patterns; shows what they match before.",
        plan=set_activation_policy,
        parameters=(NAME, Parameter("patterns", _PATTERNS, type="array", required=True), *_SETTLE),
        tool_class=ToolClass.WRITE,
        rights=(_right(_MRDS, "list"), _right(_MRAPS, "get", "create", "patch")),
    ),
    Tool(
        "delete_activation_policy",
        "Delete an activation policy",
        "Delete an activation policy; what it has activated stays active.",
        plan=delete_activation_policy,
        parameters=(NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(_right(_MRDS, "list"), _right(_MRAPS, "get", "list", "delete")),
    ),
)
