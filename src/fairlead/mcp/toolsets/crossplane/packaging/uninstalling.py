"""Packages taken away: what goes with them, what stays, who is left without, told before anything is deleted.

Crossplane deletes whatever it is told to. Four things surprise people, and are said first: managed resources whose
provider goes hang in their deletion, because nobody is left to clean up; claims whose API goes may hang in theirs, and
go before it therefore (see `fairlead.crossplane.upkeep.retiring`); a package that another one depends on is installed
again at once, without what went with it; and what a package has brought in as its dependency stays.

Source: reference/crossplane.md §1.5, §2.3, §7 (3); seen on Crossplane 2.3.4.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fairlead.crossplane import packages as facts
from fairlead.crossplane import sources
from fairlead.crossplane.packaging import locking
from fairlead.crossplane.packaging.callers import callers
from fairlead.crossplane.upkeep import retiring
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Plan, Planning, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.packaging.upgrading import KIND, KINDS, LOCK, V1, one, rights
from fairlead.resources import deleting
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_NAMED = 10


def uninstalls(kind_of: Callable[[Arguments], str]) -> Planning:
    async def plan(call: Call, arguments: Arguments) -> Plan:
        reader = changing.reader(call, arguments)
        kind = await reader.kind(kind_of(arguments), V1)
        package = await one(reader, kind, arguments["name"])
        first = retiring.packaged_claims if package["kind"] == "Configuration" else None
        return await changing.deleted(call, arguments, kind, *await _consequences(reader, package), first=first)

    return plan


async def _consequences(reader: Reader, package: Object) -> list[str]:
    """Raises `ToolError` where it cannot be told who calls a function."""
    locked = locking.entries(await facts.lock(reader))
    found = [
        f"{each} depends on it{f' ({constraint})' if constraint else ''}: Crossplane installs it again at once, "
        "without what goes with it now"
        for each, constraint in locking.dependents(locked, sources.of(package).repository)
    ]
    if package["kind"] == "Function":
        found.append(await _called(reader, package["metadata"]["name"]))
    if package["kind"] == "Provider":
        found.append(
            "managed resources that are still there hang in their deletion, for nobody cleans up: delete them first"
        )
    if package["kind"] == "Configuration":
        found += _retired(await retiring.definitions(reader, package))
    return [*found, *await _own(reader, package), *_stays(package, locked)]


def _retired(definitions: Sequence[Mapping[str, Any]]) -> list[str]:
    used = sorted(each["metadata"]["name"] for each in definitions if deleting.is_used(each))
    said = [f"{each} is in use: it stays, with its claims and composites" for each in used]
    if any(retiring.offers(each) for each in definitions if each["metadata"]["name"] not in used):
        said.append("the claims of its XRDs are deleted first, and it only when they are gone")
    return said


async def _own(reader: Reader, package: Object) -> list[str]:
    """Of all its revisions: what a former one brought and a later one left out goes too."""
    brought = [one for each in await facts.revisions(reader, package) for one in await facts.installed(reader, each)]
    brought += await facts.belonging(reader, package)
    return [f"its own that go: {each}" for each in facts.by_kind(dict.fromkeys(brought), _NAMED)]


async def _called(reader: Reader, function: str) -> str:
    by = await callers(reader, function)
    if by.unread:
        raise ToolError(f"who calls {function} cannot be told, so it is not deleted", "; ".join(by.unread))
    return f"{by}; they fail from then on" if by.names else str(by)


def _stays(package: Object, locked: list[locking.Locked]) -> list[str]:
    current = (package.get("status") or {}).get("currentRevision")
    own = next((each for each in locked if each.revision == current), None)
    there = {each.source: str(each) for each in locked}
    kept = [there[each.source] for each in (own.needs if own else ()) if each.source in there]
    return [f"what it depends on stays installed: {', '.join(kept)}"] if kept else []


CALLERS = (
    Right(("list",), "apiextensions.crossplane.io", "compositions"),
    *(Right(("list",), "ops.crossplane.io", each) for each in ("operations", "cronoperations", "watchoperations")),
)
DEFINITIONS = (
    Right(("list",), "apiextensions.crossplane.io", "managedresourcedefinitions"),
    Right(("list",), "apiextensions.k8s.io", "customresourcedefinitions"),
)
"""Of a provider: what it brings, and a former version of it has brought."""
TOOLS = (
    Tool(
        "uninstall_package",
        "Uninstall a package",
        "Remove a provider, configuration or function; shows first what goes with it, who depends on it or calls it.",
        plan=uninstalls(lambda arguments: KINDS[arguments["kind"]]),
        parameters=(KIND, NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(
            *rights("get", "delete", revisions=("list",)),
            LOCK,
            *CALLERS,
            Right(("get", "list"), "apiextensions.crossplane.io", "compositeresourcedefinitions"),
            *DEFINITIONS,
            Right(("list",), "*", "*", ("claim", "composite", "managed")),
            Right(("delete",), "*", "*", ("claim",)),
        ),
    ),
)
