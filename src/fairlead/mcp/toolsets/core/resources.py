"""Any resource: a page of a list, one object, one object with what is said about it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Right, Tool
from fairlead.mcp.toolsets.core import answering, listing
from fairlead.mcp.toolsets.core.vocabulary import (
    API_VERSION,
    CONTEXT,
    CONTEXTS,
    CURSOR,
    FIELD_SELECTOR,
    FIELDS,
    KIND,
    LABELS,
    LIMIT,
    LIST_OUTPUT,
    NAME,
    NAMESPACE,
    OBJECT_OUTPUT,
)
from fairlead.resources import cleaning, describing


async def resources_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    find = listing.named(arguments["kind"], arguments.get("api_version", ""))
    return await listing.listed(call, find, listing.query(arguments), arguments)


async def resources_get(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    try:
        found = cleaning.cleaned(await reader.one(kind, arguments["name"], arguments.get("namespace", "")))
        shown = cleaning.selected(found, arguments["fields"]) if arguments.get("fields") else found
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    as_json = arguments.get("output") == "json"
    text = json.dumps(shown, separators=(",", ":")) if as_json else encoding.to_yaml(shown)
    what = f"{kind.resource.qualified} {arguments['name']}"
    return Answer(answering.fenced(text, what, "choose `fields`"), shown if as_json else None)


async def resources_describe(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    try:
        found = await describing.describe(reader, kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    what = f"{kind.resource.qualified} {arguments['name']}"
    return Answer(answering.fenced(describing.text(found, datetime.now(UTC)), what, "resources_get with `fields`"))


_READS = (Right(("get", "list"), "*", "*"),)
TOOLS = (
    Tool(
        "resources_list",
        "List resources",
        "List objects of any kind as a table, with paging, selectors and chosen fields.",
        resources_list,
        (KIND, API_VERSION, NAMESPACE, LABELS, FIELD_SELECTOR, FIELDS, LIMIT, CURSOR, LIST_OUTPUT, CONTEXTS),
        rights=_READS,
    ),
    Tool(
        "resources_get",
        "Get a resource",
        "One object of any kind, without bookkeeping; values of Secrets are never shown.",
        resources_get,
        (KIND, NAME, NAMESPACE, API_VERSION, FIELDS, OBJECT_OUTPUT, CONTEXT),
        rights=_READS,
    ),
    Tool(
        "resources_describe",
        "Describe a resource",
        "One object with its conditions first and its latest events: why something does not work.",
        resources_describe,
        (KIND, NAME, NAMESPACE, API_VERSION, CONTEXT),
        rights=(*_READS, Right(("list",), "", "events")),
    ),
)
