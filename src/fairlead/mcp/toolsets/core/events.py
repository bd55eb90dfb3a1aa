"""Events, namespaces and projects."""

from collections.abc import Mapping
from typing import Any

from fairlead.mcp.gate import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool
from fairlead.mcp.toolsets.core import listing
from fairlead.mcp.toolsets.core.vocabulary import (
    CONTEXT,
    CONTEXTS,
    CURSOR,
    FIELD_SELECTOR,
    LABELS,
    LIMIT,
    LIST_OUTPUT,
    NAMESPACE,
)
from fairlead.resources.kinds import UnknownKindError

_OF_KIND = Parameter("kind", "Only about objects of this kind, e.g. Pod.")
_OF_NAME = Parameter("name", "Only about the object of this name.")
_TYPE = Parameter("type", "Warning for trouble alone.", choices=("Normal", "Warning"))


async def events_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    terms = {"involvedObject.kind": "kind", "involvedObject.name": "name", "type": "type"}
    given = [f"{field}={arguments[name]}" for field, name in terms.items() if arguments.get(name)]
    given += [arguments["field_selector"]] if arguments.get("field_selector") else []
    wanted = listing.query(arguments, field_selector=",".join(given))
    return await listing.listed(call, listing.named("events", "v1"), wanted, arguments)


async def namespaces_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await listing.listed(call, listing.named("namespaces", "v1"), listing.query(arguments), arguments)


async def projects_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    try:
        return await listing.listed(
            call, listing.named("projects.project.openshift.io"), listing.query(arguments), arguments
        )
    except UnknownKindError:
        return Answer("this cluster is no OpenShift and has no projects; namespaces_list shows its namespaces")


TOOLS = (
    Tool(
        "events_list",
        "List events",
        "What has happened lately, of a namespace or about one object.",
        events_list,
        (NAMESPACE, _OF_KIND, _OF_NAME, _TYPE, FIELD_SELECTOR, LIMIT, CURSOR, CONTEXTS),
        rights=(Right(("list",), "", "events"),),
    ),
    Tool(
        "namespaces_list",
        "List namespaces",
        "The namespaces of a cluster.",
        namespaces_list,
        (LABELS, FIELD_SELECTOR, LIMIT, CURSOR, LIST_OUTPUT, CONTEXTS),
        rights=(Right(("list",), "", "namespaces"),),
    ),
    Tool(
        "projects_list",
        "List projects",
        "The projects of an OpenShift cluster.",
        projects_list,
        (LABELS, FIELD_SELECTOR, LIMIT, CURSOR, CONTEXT),
        rights=(Right(("list",), "project.openshift.io", "projects"),),
    ),
)
