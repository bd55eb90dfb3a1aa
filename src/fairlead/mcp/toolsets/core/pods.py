"""Pods and what they print."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fairlead.client.api import refusal
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.gate import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool, ToolError
from fairlead.mcp.toolsets.core import listing
from fairlead.mcp.toolsets.core.vocabulary import (
    CONTEXT,
    CONTEXTS,
    CURSOR,
    FIELD_SELECTOR,
    LABELS,
    LIMIT,
    NAME,
    NAMESPACE,
)
from fairlead.resources.reading import next_step

_MOST_BYTES = 64_000
_ITS_NAMESPACE = Parameter("namespace", "Its namespace.", required=True)
_CONTAINER = Parameter("container", "Needed where the pod has several.")
_TAIL = Parameter("tail", "Last lines.", type="integer", default=100, minimum=1, maximum=2000)
_SINCE = Parameter("since_seconds", "Not older than this.", type="integer", minimum=1)
_PREVIOUS = Parameter("previous", "Of the container before its last restart.", type="boolean")


async def pods_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await listing.listed(call, listing.named("pods", "v1"), listing.query(arguments), arguments)


async def pods_log(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind("pods", "v1")
    options = {"tailLines": arguments["tail"], "limitBytes": _MOST_BYTES}
    options |= {"container": arguments["container"]} if arguments.get("container") else {}
    options |= {"sinceSeconds": arguments["since_seconds"]} if arguments.get("since_seconds") else {}
    options |= {"previous": "true"} if arguments.get("previous") else {}
    path = kind.resource.path(arguments["namespace"], arguments["name"], "log")
    try:
        answer = await reader.client.connection.request("GET", path, query=urlencode(options))
        body = answer.body if isinstance(answer.body, bytes) else b""
        if answer.status >= 300:
            raise refusal(answer.status, body, answer.headers)
    except FairleadError as error:
        raise ToolError(str(error), "", next_step(error, kind)) from error
    text = redacting.text(body.decode("utf-8", "replace"))
    return Answer(fencing.fenced(text or "the log is empty", f"log of pod {arguments['name']}"))


TOOLS = (
    Tool(
        "pods_list",
        "List pods",
        "Pods with their phase, restarts and node.",
        pods_list,
        (NAMESPACE, LABELS, FIELD_SELECTOR, LIMIT, CURSOR, CONTEXTS),
        rights=(Right(("list",), "", "pods"),),
    ),
    Tool(
        "pods_log",
        "Read a pod's log",
        "The last lines that a container printed.",
        pods_log,
        (NAME, _ITS_NAMESPACE, _CONTAINER, _TAIL, _SINCE, _PREVIOUS, CONTEXT),
        rights=(Right(("get",), "", "pods/log"),),
    ),
)
