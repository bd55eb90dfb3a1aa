"""Events and namespaces."""

from collections.abc import Mapping
from typing import Any

from fairlead.mcp.gate import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool
from fairlead.mcp.toolsets.core import listing
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, CURSOR, LABELS, LIMIT, LIST_OUTPUT, NAMESPACE

_OF_KIND = Parameter("kind", "Only about objects of this kind, e.g. Pod.")
_OF_NAME = Parameter("name", "Only about the object of this name.")
_TYPE = Parameter("type", "Warning for trouble alone.", choices=("Normal", "Warning"))


async def events_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    terms = {"involvedObject.kind": "kind", "involvedObject.name": "name", "type": "type"}
    given = [f"{field}={arguments[name]}" for field, name in terms.items() if arguments.get(name)]
    kind = await reader.kind("events", "v1")
    return await listing.listed(reader, kind, listing.query(arguments, field_selector=",".join(given)), arguments)


async def namespaces_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind("namespaces", "v1")
    return await listing.listed(reader, kind, listing.query(arguments), arguments)


TOOLS = (
    Tool(
        "events_list",
        "List events",
        "What has happened lately, of a namespace or about one object.",
        events_list,
        (NAMESPACE, _OF_KIND, _OF_NAME, _TYPE, LIMIT, CURSOR, CONTEXT),
        rights=(Right(("list",), "", "events"),),
    ),
    Tool(
        "namespaces_list",
        "List namespaces",
        "The namespaces of a cluster.",
        namespaces_list,
        (LABELS, LIMIT, CURSOR, LIST_OUTPUT, CONTEXT),
        rights=(Right(("list",), "", "namespaces"),),
    ),
)
