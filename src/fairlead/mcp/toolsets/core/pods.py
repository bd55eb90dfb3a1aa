"""Pods, what they print and what they use."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool
from fairlead.mcp.toolsets.core import answering, listing, resources
from fairlead.mcp.toolsets.core.vocabulary import (
    CONTEXT,
    CONTEXTS,
    CURSOR,
    FIELD_SELECTOR,
    FIELDS,
    LABELS,
    LIMIT,
    LIST_OUTPUT,
    NAME,
    NAMESPACE,
    OBJECT_OUTPUT,
)
from fairlead.resources import logs

ITS_NAMESPACE = Parameter("namespace", "Its namespace.", required=True)
CONTAINER = Parameter("container", "Needed where the pod has several.")
_TAIL = Parameter("tail", "Last lines.", type="integer", default=100, minimum=1, maximum=2000)
_SINCE = Parameter("since_seconds", "Not older than this.", type="integer", minimum=1)
_PREVIOUS = Parameter("previous", "Of the container before its last restart.", type="boolean")
_THIS = Parameter("namespace", "Which one.", required=True)


async def pods_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await listing.listed(call, listing.named("pods", "v1"), listing.query(arguments), arguments)


async def pods_get(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await resources.resources_get(call, {**arguments, "kind": "pods", "api_version": "v1"})


async def pods_log(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    wanted = logs.Wanted(
        arguments.get("container", ""),
        arguments["tail"],
        arguments.get("since_seconds", 0),
        arguments.get("previous", False),
    )
    try:
        text = await logs.read(reader.client, arguments["namespace"], arguments["name"], wanted)
    except FairleadError as error:
        raise answering.refused(error, await reader.kind("pods", "v1")) from error
    shown = redacting.text(text) or "the log is empty"
    return Answer(answering.fenced(shown, f"log of pod {arguments['name']}", "ask for a smaller `tail`"))


_LIST = (LABELS, FIELD_SELECTOR, FIELDS, LIMIT, CURSOR, LIST_OUTPUT, CONTEXTS)
_MAY_LIST = (Right(("list",), "", "pods"),)
TOOLS = (
    Tool(
        "pods_list",
        "List pods",
        "Pods with their phase and restarts; output=wide adds node and labels.",
        pods_list,
        (NAMESPACE, *_LIST),
        rights=_MAY_LIST,
    ),
    Tool(
        "pods_list_in_namespace",
        "List pods of a namespace",
        "The pods of one namespace.",
        pods_list,
        (_THIS, *_LIST),
        rights=_MAY_LIST,
    ),
    Tool(
        "pods_get",
        "Get a pod",
        "One pod as it is, whole or by fields.",
        pods_get,
        (NAME, ITS_NAMESPACE, FIELDS, OBJECT_OUTPUT, CONTEXT),
        rights=(Right(("get",), "", "pods"),),
    ),
    Tool(
        "pods_log",
        "Read a pod's log",
        "The last lines that a container printed.",
        pods_log,
        (NAME, ITS_NAMESPACE, CONTAINER, _TAIL, _SINCE, _PREVIOUS, CONTEXT),
        rights=(Right(("get",), "", "pods/log"),),
    ),
)
