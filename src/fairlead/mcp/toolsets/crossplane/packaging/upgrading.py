"""The life of a package after it is installed: upgrade, rollback, activation, settings, uninstalling."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from fairlead.crossplane import building, sources
from fairlead.crossplane import packages as facts
from fairlead.crossplane.packaging import locking, upgrades
from fairlead.crossplane.sources import Source
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.packaging import arriving, releasing
from fairlead.resources import patching
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
KINDS = {each.lower(): each for each in facts.KINDS}
V1 = f"{facts.GROUP}/v1"


async def upgrade_package(call: Call, arguments: Arguments) -> Plan:
    _, kind, package = await found(call, arguments)
    before = sources.of(package)
    after = _wanted(arguments, before)
    if after == before:
        raise ToolError(f"nothing to do: it is at {after} already", changing.summary(package), "give another version")
    return await _moved(call, kind, arguments, package, after)


async def rollback_package(call: Call, arguments: Arguments) -> Plan:
    reader, kind, package = await found(call, arguments)
    try:
        former = upgrades.former(package, await facts.revisions(reader, package), arguments.get("to_revision") or "")
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    back = f"back to revision {upgrades.number(former)} ({former['metadata']['name']})"
    return await _moved(call, kind, arguments, package, sources.of(former), back)


async def _moved(call: Call, kind: Kind, arguments: Arguments, package: Object, after: Source, *notes: str) -> Plan:
    reader = changing.reader(call, arguments)
    locked = locking.entries(await facts.lock(reader))
    running = await facts.current(reader, package)
    said = [*notes, *upgrades.notes(package, after, locked), building.warned_of(str(after))]
    if running is None or not upgrades.unnamed(running):
        return await changed(call, kind, arguments, package, {"package": str(after)}, said)
    name = running["metadata"]["name"]
    remark = f"{name} is reconciled first: it has not written down all that it brought, and could not let go of it"
    first = (remark, partial(releasing.made_ready, reader, running))
    return await changed(call, kind, arguments, package, {"package": str(after)}, said, first=first)


async def found(call: Call, arguments: Arguments) -> tuple[Reader, Kind, Object]:
    """Raises `ToolError`."""
    reader = changing.reader(call, arguments)
    kind = await reader.kind(KINDS[arguments["kind"]], V1)
    return reader, kind, await one(reader, kind, arguments["name"])


async def one(reader: Reader, kind: Kind, name: str) -> Object:
    """Raises `ToolError`."""
    try:
        return await reader.one(kind, name)
    except FairleadError as error:
        raise answering.refused(error, kind) from error


def _wanted(arguments: Arguments, before: Source) -> Source:
    """Raises `ToolError`."""
    package, version = arguments.get("package") or "", arguments.get("version") or ""
    if bool(package) is bool(version):
        raise ToolError("which version is wanted is said in one way", "", "give either version or package")
    try:
        return building.package_source(package or str(before.at(version)))
    except building.BuildError as error:
        raise ToolError(str(error)) from error


async def changed(
    call: Call,
    kind: Kind,
    arguments: Arguments,
    package: Object,
    spec: Object,
    notes: Sequence[str],
    *,
    removes_more: bool = False,
    first: tuple[str, Callable[[], Awaitable[None]]] | None = None,
) -> Plan:
    """The package's spec, `first` before it; it is then waited for what becomes of it. Raises `ToolError`.

    What is done first is told and not agreed to: a moment later Crossplane may have done it by itself.
    """
    reader, name = changing.reader(call, arguments), arguments["name"]
    said = tuple(each for each in notes if each)
    try:
        change = await patching.planned(reader, kind, name, "", {"spec": spec}, notes=said, removes_more=removes_more)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    if first is not None:
        remark, before = first
        change = replace(change.preceded_by(before), remarks=(remark,))
    return settling(call, planned.plan([change]), kind, package, arguments)


def settling(call: Call, plan: Plan, kind: Kind, before: Object, arguments: Arguments) -> Plan:
    reader, name = changing.reader(call, arguments), before["metadata"]["name"]
    return changing.telling(plan, lambda: arriving.told(call, reader, kind, name, before, arguments))


async def activate_package_revision(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    revised = await reader.kind(f"{KINDS[arguments['kind']]}Revision", V1)
    revision = await one(reader, revised, arguments["revision"])
    kind = await reader.kind(KINDS[arguments["kind"]], V1)
    package = await one(reader, kind, facts.owner(revision))
    _check_activation(package, revision)
    patch = {"spec": {"desiredState": "Active"}}
    try:
        change = await patching.planned(reader, revised, arguments["revision"], "", patch, verb="activate")
    except FairleadError as error:
        raise planned.refused(error, revised) from error
    return settling(call, planned.plan([change]), kind, package, arguments)


def _check_activation(package: Object, revision: Object) -> None:
    """Raises `ToolError`."""
    kind, name = package["kind"].lower(), package["metadata"]["name"]
    called, current = revision["metadata"]["name"], (package.get("status") or {}).get("currentRevision")
    if called != current:
        why = f"the current one is {current}; Crossplane sets any other Inactive again at once"
        back = f"rollback_package kind={kind} name={name} to_revision={upgrades.number(revision)}"
        raise ToolError(f"{called} is not the current revision of {name}", why, back)
    if facts.is_active(revision):
        raise ToolError(f"{called} is active already", changing.summary(revision))


def rights(*verbs: str, revisions: tuple[str, ...] = ("get", "list")) -> tuple[Right, ...]:
    """For packages of any kind, with their revisions."""
    return tuple(
        right
        for each in KINDS
        for right in (Right(verbs, facts.GROUP, f"{each}s"), Right(revisions, facts.GROUP, f"{each}revisions"))
    )


KIND = Parameter("kind", "Of package.", required=True, choices=tuple(KINDS))
LOCK = Right(("get",), facts.GROUP, "locks")
EVENTS = Right(("list",), "", "events")
SETTLE = (changing.WAIT, DRY_RUN, CONTEXT)
TOOLS = (
    Tool(
        "upgrade_package",
        "Upgrade a package",
        "Update (move) a provider, configuration or function package to another version; says first whose "
        "constraints it breaks.",
        plan=upgrade_package,
        parameters=(
            KIND,
            NAME,
            Parameter("version", "Tag or digest, e.g. v1.2.0."),
            Parameter("package", "Or the whole reference."),
            *SETTLE,
        ),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", "patch", revisions=("get",)), LOCK, EVENTS),
    ),
    Tool(
        "rollback_package",
        "Roll back a package",
        "Go back to a former revision of a package, e.g. after a bad upgrade.",
        plan=rollback_package,
        parameters=(
            KIND,
            NAME,
            Parameter("to_revision", "Its number or name; the one before by default."),
            *SETTLE,
        ),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", "patch"), LOCK, EVENTS),
    ),
    Tool(
        "activate_package_revision",
        "Activate a package revision",
        "Switch on the current revision of a package whose activation policy is Manual.",
        plan=activate_package_revision,
        parameters=(KIND, Parameter("revision", "Its name.", required=True), *SETTLE),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", revisions=("get", "patch")), EVENTS),
    ),
)
