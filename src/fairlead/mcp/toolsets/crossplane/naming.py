"""What there is, told where something was named that is not there: the next call should not have to be a list.

A server of Crossplane's toolsets often has nothing else that lists, and an agent that misspelt a name or left out the
namespace knows nearly all that it needs. So a refusal for lack of an object looks for what it may have meant, with the
rights of whoever asked; where it may not look either, the refusal stays as it is. That is done around every tool,
because no tool knows what it was not told.

Source: reference/mcp-and-gateways.md §6.2 (recoverability), §7.3, 3 and 7; issue Crossplane toolset, Must hold.
"""

import difflib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from fairlead.crossplane import presence
from fairlead.crossplane.presence import PresenceError
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Tool, ToolError
from fairlead.mcp.toolsets.crossplane import changing, patience
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Query, Reader, lacks_right

Arguments = Mapping[str, Any]
_T = TypeVar("_T")
_LOOKED_AT = 500
_MOST = 8
_NAMESPACE = "give `namespace`"
_RIGHTS = "an administrator gives the right: `fairlead mcp rbac` prints all that the server needs for today's kinds"


def guided(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    return tuple(
        replace(each, plan=_around(each.plan)) if each.plan is not None else replace(each, run=_around(each.runs))
        for each in tools
    )


def _around(do: Callable[[Any, Arguments], Awaitable[_T]]) -> Callable[[Any, Arguments], Awaitable[_T]]:
    async def guide(call: Call, arguments: Arguments) -> _T:
        try:
            return _marked(await do(call, patience.within(call, arguments)), await _lack(call, arguments))
        except FairleadError as error:
            if lack := await _lack(call, arguments, error):
                raise ToolError(lack.what, lack.why, lack.remedy) from error
            told = await _told(changing.reader(call, arguments), arguments, error)
            if not told and lacks_right(error) and _RIGHTS not in str(error):
                raise ToolError(str(error), "", _RIGHTS) from error
            if not told:
                raise
            what = str(error).partition("; list ")[0].partition(f"; {_NAMESPACE}")[0]
            raise ToolError(what, "", fencing.plain(told)) from error

    return guide


async def _lack(call: Call, arguments: Arguments, error: FairleadError | None = None) -> PresenceError | None:
    """What of Crossplane is not there; None where all that was asked for is, or that cannot be told."""
    try:
        reader = changing.reader(call, arguments)
        if presence.refusal(await reader.kinds(), error) is None:
            return None
        return presence.refusal(await reader.kinds(anew=True), error)
    except FairleadError:
        return None


def _marked(answer: _T, lack: PresenceError | None) -> _T:
    """That there is nothing means another thing where nothing could be."""
    if lack is None or not isinstance(answer, Answer) or lack.what in answer.text:
        return answer
    return replace(answer, text=f"{answer.text}\n{lack}")


async def _told(reader: Reader, arguments: Arguments, error: FairleadError) -> str:
    """What to put in the place of what is not there; empty where that is not known."""
    try:
        if _NAMESPACE in str(error) and not arguments.get("namespace"):
            return await _namespaces(reader, arguments)
        missing = _missing(error)
        return await _near(reader, arguments, missing) if missing is not None else ""
    except FairleadError:
        return ""


def _missing(error: BaseException | None) -> statuses.NotFound | None:
    while error is not None:
        if isinstance(error, statuses.NotFound) and error.details.get("kind") and error.details.get("name"):
            return error
        error = error.__cause__
    return None


async def _near(reader: Reader, arguments: Arguments, missing: statuses.NotFound) -> str:
    plural, group, name = (str(missing.details.get(each) or "") for each in ("kind", "group", "name"))
    kind = await reader.kind(f"{plural}.{group}" if group else plural)
    namespace = str(arguments.get("namespace") or "") if kind.resource.namespaced else ""
    if elsewhere := await _elsewhere(reader, kind, name, namespace):
        return elsewhere
    names = await _names(reader, kind, namespace)
    close = difflib.get_close_matches(name, names, n=_MOST, cutoff=0.5)
    if close:
        return f"near: {', '.join(close)}"
    where = f" in {namespace}" if namespace else ""
    return f"there are: {', '.join(names[:_MOST])}{', …' if len(names) > _MOST else ''}" if names else f"none is{where}"


async def _elsewhere(reader: Reader, kind: Kind, name: str, namespace: str) -> str:
    """Of the same name in another namespace; or of the namespaced kind beside one that is not (ClusterUsage, Usage)."""
    if not kind.resource.namespaced:
        try:
            kind = await reader.kind(kind.resource.qualified.removeprefix("cluster"))
        except UnknownKindError:
            return ""
    if not kind.resource.namespaced:
        return ""
    there = [each for each in await _places(reader, kind, name) if each != namespace]
    return f"{kind.api.kind} {name} has a namespace; it is in: {', '.join(there[:_MOST])}" if there else ""


async def _places(reader: Reader, kind: Kind, name: str) -> list[str]:
    page = await reader.page(kind, Query(field_selector=f"metadata.name={name}", limit=_LOOKED_AT))
    return [str(each["namespace"]) for each in _metadata(page.document) if each.get("namespace")]


async def _names(reader: Reader, kind: Kind, namespace: str) -> list[str]:
    page = await reader.page(kind, Query(namespace=namespace, limit=_LOOKED_AT))
    return [str(each["name"]) for each in _metadata(page.document)]


def _metadata(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Of the objects of a Table, or of a list where the server makes no tables."""
    rows = [each.get("object") or {} for each in document.get("rows") or ()]
    return [each.get("metadata") or {} for each in (rows or document.get("items") or ())]


async def _namespaces(reader: Reader, arguments: Arguments) -> str:
    """Where an object of that name is; where there is none, as before it is made, all that there are."""
    kind, name = (str(arguments.get(each) or arguments.get(f"of_{each}") or "") for each in ("kind", "name"))
    found: list[str] = []
    if kind and name:
        found = await _places(reader, await reader.kind(kind, str(arguments.get("api_version") or "")), name)
    if found:
        return f"{_NAMESPACE}; it is in: {', '.join(found[:_MOST])}"
    there = await _names(reader, await reader.kind("namespaces"), "")
    return f"{_NAMESPACE}; there are: {', '.join(there[: 2 * _MOST])}"
