"""Which object each side of a usage means: by its name, or by labels that match one and no more.

Crossplane resolves a selector itself, once, to one of the matches at random; here it is resolved before, and what
matches several is nobody's guess.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.tools import Parameter, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import live
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
MOST = 50
"""Usages made by one call."""
BY = (Parameter("by_kind", "What uses it."), Parameter("by_name", "Its name."))
BY_SELECTOR = Parameter("by_label_selector", "Instead; has to match one.")


async def protected(reader: Reader, kind: Kind, namespace: str, arguments: Arguments) -> list[str]:
    """Names: of several matches Crossplane would take one at random; here none is taken. Raises `ToolError`."""
    name, selector = arguments.get("of_name", ""), arguments.get("of_label_selector", "")
    if bool(name) == bool(selector):
        raise ToolError("what to protect is not said", "", "give either of_name or of_label_selector")
    try:
        if name:
            await reader.one(kind, name, namespace)
            return [str(name)]
        names = await _matching(reader, kind, namespace, selector)
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    if names and arguments.get("each_match") and len(names) <= MOST and not arguments.get("name"):
        return names
    if len(names) != 1:
        raise _ambiguous(names, kind, f"{selector}, and a usage protects one", _instead(len(names), arguments))
    return names


def _instead(count: int, arguments: Arguments) -> str:
    if not count:
        return "look for its labels, or give of_name"
    if count > MOST:
        return f"narrow the selector: at most {MOST} at once"
    if arguments.get("name"):
        return "leave out name: each gets its own"
    return "each_match=true makes one for each, or name one by of_name"


async def _matching(reader: Reader, kind: Kind, namespace: str, selector: str) -> list[str]:
    """Names. Raises what `Reader` raises."""
    found = await reader.client.list(kind.resource, namespace or None, label_selector=selector)
    return [str(each["metadata"]["name"]) for each in found.items]


def _ambiguous(names: Sequence[str], kind: Kind, selector: str, instead: str) -> ToolError:
    there = fencing.plain(", ".join(names[:MOST])) or "none"
    what = f"{len(names)} {kind.resource.qualified} match {selector}: nothing was made"
    return ToolError(what, f"they are: {there}", instead)


async def user(reader: Reader, arguments: Arguments, namespace: str) -> tuple[Object | None, list[str]]:
    """The `by` of a usage in that namespace, and what there is to know about it. Raises `ToolError`."""
    given, name, selector = (str(arguments.get(each.name) or "") for each in (*BY, BY_SELECTOR))
    if not (given or name or selector):
        return None, []
    if not given or bool(name) == bool(selector):
        raise ToolError("who uses it is half said", "", "give by_kind, and by_name or by_label_selector")
    kind = await reader.kind(given)
    if kind.resource.namespaced and not namespace:
        what = f"what is in no namespace cannot be used by a {kind.api.kind}, which is in one"
        raise ToolError(what, "a ClusterUsage looks for its user in no namespace", "give a reason instead")
    there, _, name = name.rpartition("/")
    if there not in ("", namespace):
        what = f"what uses it is in the namespace of the usage, {namespace}"
        raise ToolError(what, "", f"make the usage in {there}, with of_name={namespace}/NAME")
    namespace = namespace if kind.resource.namespaced else ""
    notes = []
    try:
        name = name or await _only(reader, kind, namespace, selector)
        if await live(reader, kind, name, namespace) is None:
            notes.append(f"{kind.api.kind} {name} is not there: the usage is not ready before it is")
    except ToolError:
        raise
    except FairleadError as error:
        if selector:
            raise answering.refused(error, kind) from error
        notes.append(f"whether {kind.api.kind} {name} is there could not be read: {error}")
    return {"apiVersion": kind.api_version, "kind": kind.api.kind, "resourceRef": {"name": name}}, notes


async def _only(reader: Reader, kind: Kind, namespace: str, selector: str) -> str:
    """Crossplane would take one at random. Raises `ToolError`, and what `Reader` raises."""
    names = await _matching(reader, kind, namespace, selector)
    if len(names) != 1:
        raise _ambiguous(names, kind, f"{selector}, and one uses it", "give by_name")
    return names[0]
