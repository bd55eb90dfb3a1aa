"""The life of a package after it is installed: upgrade, rollback, activation, settings, uninstalling."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building, locking, sources, upgrades
from fairlead.crossplane import packages as facts
from fairlead.crossplane.sources import Source
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import arriving, changing
from fairlead.resources import patching
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
KINDS = {each.lower(): each for each in facts.KINDS}
_V1 = f"{facts.GROUP}/v1"


async def upgrade_package(call: Call, arguments: Arguments) -> Plan:
    reader, kind, package = await _found(call, arguments)
    before = sources.of(package)
    after = _wanted(arguments, before)
    if after == before:
        raise ToolError(f"nothing to do: it is at {after} already", changing.summary(package), "give another version")
    locked = locking.entries(await facts.lock(reader))
    notes = [*upgrades.notes(package, after, locked), building.warned_of(str(after))]
    return await changed(reader, kind, arguments, {"package": str(after)}, *notes)


async def _found(call: Call, arguments: Arguments) -> tuple[Reader, Kind, Object]:
    """Raises `ToolError`."""
    reader = changing.reader(call, arguments)
    kind = await reader.kind(KINDS[arguments["kind"]], _V1)
    try:
        return reader, kind, await reader.one(kind, arguments["name"])
    except FairleadError as error:
        raise answering.refused(error, kind) from error


def _wanted(arguments: Arguments, before: Source) -> Source:
    """Raises `ToolError`."""
    package, version = arguments.get("package") or "", arguments.get("version") or ""
    if bool(package) is bool(version):
        raise ToolError("which version is wanted is said in one way", "", "give either version or package")
    try:
        return building.package_source(package or str(before.at(version.removeprefix("@").removeprefix(":"))))
    except building.BuildError as error:
        raise ToolError(str(error)) from error


async def changed(reader: Reader, kind: Kind, arguments: Arguments, spec: Object, *notes: str) -> Plan:
    """Of a package's spec; it is then waited for what becomes of it. Raises `ToolError`."""
    said = tuple(each for each in notes if each)
    try:
        change = await patching.planned(reader, kind, arguments["name"], "", {"spec": spec}, notes=said)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return arriving.settling(reader, planned.plan([change]), change, arguments.get("wait_seconds") or 0)


def rights(*verbs: str, revisions: tuple[str, ...] = ("get", "list")) -> tuple[Right, ...]:
    """For packages of any kind, with their revisions."""
    return tuple(
        right
        for each in KINDS
        for right in (Right(verbs, facts.GROUP, f"{each}s"), Right(revisions, facts.GROUP, f"{each}revisions"))
    )


_KIND = Parameter("kind", "Of package.", required=True, choices=tuple(KINDS))
_LOCK = Right(("get",), facts.GROUP, "locks")
_EVENTS = Right(("list",), "", "events")
_SETTLE = (changing.WAIT, DRY_RUN, CONTEXT)
TOOLS = (
    Tool(
        "upgrade_package",
        "Upgrade a package",
        "Move a provider, configuration or function to another version, up or down; says first what the step is "
        "and whose constraints it breaks, then waits for health.",
        plan=upgrade_package,
        parameters=(
            _KIND,
            NAME,
            Parameter("version", "Tag or digest, e.g. v1.2.0."),
            Parameter("package", "Or the whole reference."),
            *_SETTLE,
        ),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", "patch"), _LOCK, _EVENTS),
    ),
)
