"""Running a command in a pod: shown as it will be run, word by word, and asked for before it is.

Whoever agrees must see all of it, and what is shown anywhere has no secrets and no hidden characters. So a command of
which something would be left out is not planned at all: what is hidden there could be anything.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.pods import CONTAINER, ITS_NAMESPACE
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.resources import executing
from fairlead.resources.executing import Command, Ran

_COMMAND = Parameter("command", 'Program and arguments, e.g. ["ls", "-l"]; no shell.', type="array", required=True)
_WAIT = Parameter("wait_seconds", "How long for its end.", type="integer", default=20, minimum=1, maximum=600)
_MOST_BYTES = 30_000
_MARGIN_SECONDS = 2.0
"""Of the call's time, for saying what has been printed."""
_MOST_SHOWN = 4_000
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def pods_exec(call: Call, arguments: Mapping[str, Any]) -> Plan:
    context = arguments.get("context", "")
    reader = call.target(context)
    try:
        pod = await reader.client.get(executing.PODS, arguments["name"], arguments["namespace"])
    except FairleadError as error:
        raise answering.refused(error, await reader.kind("pods", "v1")) from error
    container = _container(pod, arguments.get("container", ""))
    command = Command(arguments["namespace"], arguments["name"], container, tuple(arguments["command"]))
    where = f"container {container} of pod {command.namespace}/{command.pod}"
    summary = _whole(f"run {json.dumps(command.argv, ensure_ascii=False)} in {where}{_of(context)}")

    async def carry_out() -> Answer:
        seconds = max(1.0, min(arguments["wait_seconds"], call.seconds_left() - _MARGIN_SECONDS))
        try:
            ran = await executing.run(reader.client, command, seconds=seconds, most=_MOST_BYTES)
        except FairleadError as error:
            raise answering.refused(error, None) from error
        return _answer(ran, where, seconds)

    decided = json.dumps([context, pod["metadata"]["uid"], container, command.argv])
    return Plan(summary, hashlib.sha256(decided.encode()).hexdigest(), carry_out)


def _of(context: str) -> str:
    return f" of cluster {context}" if context else ""


def _whole(summary: str) -> str:
    """Raises `ToolError` where not all of it can be shown."""
    if fencing.plain(summary) != summary:
        raise ToolError("this command holds characters that nobody sees", "", "write it without them")
    if redacting.text(summary) != summary:
        what = "this command holds what looks like a secret"
        raise ToolError(what, "whoever has to agree would not see it", "let it read the secret in the pod")
    if len(summary) > _MOST_SHOWN:
        raise ToolError("this command is too long to be shown", f"{_MOST_SHOWN} characters are", "shorten it")
    return summary


def _container(pod: Mapping[str, Any], asked: str) -> str:
    """Raises `ToolError` for one that there is not, and for a pod in which nothing runs."""
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise ToolError("nothing can be run in this pod", f"it is {phase}", "resources_describe says why")
    names = [each["name"] for each in pod["spec"].get("containers") or ()]
    names += [each["name"] for each in pod["spec"].get("ephemeralContainers") or ()]
    default = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER, "")
    chosen: str = asked or default or (names[0] if len(names) == 1 else "")
    if chosen not in names:
        what = f"the pod has no container {asked!r}" if asked else "the pod has several containers"
        raise ToolError(what, "", f"`container` is one of: {', '.join(names)}")
    return chosen


def _answer(ran: Ran, where: str, seconds: float) -> Answer:
    ended = f"exit code {ran.code}"
    if ran.code is None:
        ended = f"it has not ended within {seconds:.0f} s: it may still run; what it printed so far follows"
    parts = [ended]
    for name, text in (("stdout", ran.stdout), ("stderr", ran.stderr)):
        if text:
            parts.append(answering.fenced(redacting.text(text), f"{name} of {where}", "print less"))
    if ran.cut:
        parts.append(f"{ran.cut} more bytes were printed and are left out; print less")
    return Answer("\n".join(parts), {"exitCode": ran.code})


TOOLS = (
    Tool(
        "pods_exec",
        "Run a command in a pod",
        "Run a command in a container; answers exit code and output.",
        plan=pods_exec,
        parameters=(NAME, ITS_NAMESPACE, _COMMAND, CONTAINER, _WAIT, DRY_RUN, CONTEXT),
        tool_class=ToolClass.EXEC,
        rights=(Right(("get",), "", "pods"), Right(("get", "create"), "", "pods/exec")),
        idempotent=False,
    ),
)
