"""Waiting for something, as long as the call has time: what was reached is the answer either way."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import (
    API_VERSION,
    CONTEXT,
    ITS_NAMESPACE,
    KIND,
    NAME,
    WAIT_SECONDS,
)
from fairlead.resources import waiting
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import subject
from fairlead.resources.reading import Reader
from fairlead.resources.waiting import Judge

_FOR = Parameter("until", "condition=Ready, jsonpath={.status.phase}=Running, create or delete.", required=True)
_MARGIN = 1.0


async def resources_wait(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    return await reached(call, reader, kind, waiting.aim(arguments["until"]), arguments)


async def reached(call: Call, reader: Reader, kind: Kind, judge: Judge, arguments: Mapping[str, Any]) -> Answer:
    """Waits no longer than the call may last. Raises `ToolError`."""
    name, namespace = arguments["name"], arguments.get("namespace", "")
    seconds = min(float(arguments["wait_seconds"]), max(0.0, call.seconds_left() - _MARGIN))

    async def told(state: str) -> None:
        await call.talk.log("info", redacting.text(fencing.plain(state)))

    try:
        if arguments["wait_seconds"]:
            found = await waiting.until(reader, kind, name, namespace, judge, seconds, told)
        else:
            found = await waiting.now(reader, kind, name, namespace, judge)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    waited = arguments["wait_seconds"] and not found.is_hopeless
    late = f" within {seconds:.0f} s; ask again to wait on" if waited else ""
    first = f"{subject(kind, name, namespace)}: {'reached' if found.is_so else f'not reached{late}'}"
    return Answer(f"{first}\n{fencing.fenced(redacting.text(found.state), 'state')}")


TOOLS = (
    Tool(
        "resources_wait",
        "Wait for a resource",
        "Wait until an object is as wanted, and say what it is like.",
        resources_wait,
        (KIND, NAME, ITS_NAMESPACE, _FOR, WAIT_SECONDS, API_VERSION, CONTEXT),
        rights=(Right(("list", "watch"), "*", "*"),),
    ),
)
