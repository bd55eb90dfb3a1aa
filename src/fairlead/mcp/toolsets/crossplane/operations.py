"""Operations: pipelines of functions that run once, on a schedule, or when something changes."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building
from fairlead.machinery import conditions, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing, compositions, showing
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Query, Reader

Object = dict[str, Any]
GROUP = "ops.crossplane.io"
_V1 = f"{GROUP}/v1alpha1"
KINDS = {"operation": "Operation", "cron": "CronOperation", "watch": "WatchOperation"}
_OWNERS = {"cron": "ops.crossplane.io/cronoperation", "watch": "ops.crossplane.io/watchoperation"}
_RETRIES = 5
"""What the controller takes where an operation says nothing."""


async def _kind(reader: Reader, name: str) -> Any:
    try:
        return await reader.kind(name, _V1)
    except UnknownKindError as error:
        raise ToolError("this control plane has no operations", "they came with Crossplane 2", "") from error


async def create_operation(call: Call, arguments: Mapping[str, Any]) -> Plan:
    return await _create(call, arguments, lambda pipeline: building.operation(
        arguments["name"], pipeline, arguments.get("retry_limit")
    ))  # fmt: skip


async def create_cron_operation(call: Call, arguments: Mapping[str, Any]) -> Plan:
    return await _create(call, arguments, lambda pipeline: building.cron_operation(
        arguments["name"],
        arguments["schedule"],
        pipeline,
        arguments.get("retry_limit"),
        concurrencyPolicy=arguments.get("concurrency_policy"),
        startingDeadlineSeconds=arguments.get("starting_deadline_seconds"),
        successfulHistoryLimit=arguments.get("successful_history_limit"),
        failedHistoryLimit=arguments.get("failed_history_limit"),
    ))  # fmt: skip


async def _create(call: Call, arguments: Mapping[str, Any], build: Any) -> Plan:
    reader = changing.reader(call, arguments)
    await _kind(reader, "Operation")
    pipeline = changing.structure(arguments, "pipeline", list)
    try:
        manifest = build(pipeline)
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    notes = await compositions.function_notes(reader, pipeline)
    return await changing.created(call, arguments, manifest, *notes)


async def list_operations(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = changing.reader(call, arguments)
    wanted = arguments["type"]
    lines, total = [], 0
    for name, kind in KINDS.items():
        if wanted not in ("all", name):
            continue
        found = await _kind(reader, kind)
        selector = f"{_OWNERS[arguments['owner_type']]}={arguments['owner']}" if arguments.get("owner") else ""
        if selector and name != "operation":
            continue
        try:
            page = await reader.page(found, Query(label_selector=selector, limit=arguments["limit"]), table=False)
        except FairleadError as error:
            raise answering.refused(error, found) from error
        items = [{"apiVersion": _V1, "kind": kind, **each} for each in page.document.get("items") or ()]
        total += len(items)
        lines += [_row(each) for each in items]
        lines += [f"more {kind}s follow; raise limit"] if page.cursor else []
    if not lines:
        return Answer("no operations; create one with create_operation or create_cron_operation")
    return Answer(f"{fencing.fenced(redacting.text(chr(10).join(lines)), 'operations')}\n{total} in all")


def _row(obj: Object) -> str:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    told = [changing.summary(obj)]
    if obj["kind"] == "Operation":
        told += [f"failures {status.get('failures') or 0} of {spec.get('retryLimit') or _RETRIES}", *_times(obj)]
    else:
        told += [str(spec.get("schedule") or (spec.get("watch") or {}).get("kind") or "")]
        told += [f"last {status['lastScheduleTime']}"] if status.get("lastScheduleTime") else []
    return "; ".join(told)


def _times(obj: Object) -> list[str]:
    """There is no start or completion time: they follow from the object's own and the condition's."""
    began = str(obj["metadata"].get("creationTimestamp") or "")
    ended = conditions.get(obj, "Succeeded") or {}
    if ended.get("status") not in ("True", "False"):
        return [f"since {began}"]
    return [f"from {began} to {ended.get('lastTransitionTime')}"]


async def get_operation_status(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await showing.gets(KINDS[arguments["type"]], _V1, _about)(call, arguments)


async def _about(reader: Reader, obj: Object) -> list[str]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if obj["kind"] != "Operation":
        running = ", ".join(str(each.get("name")) for each in status.get("runningOperationRefs") or ()) or "none"
        return [f"running: {running}", *await _runs(reader, obj)]
    left = max(0, (spec.get("retryLimit") or _RETRIES) - (status.get("failures") or 0))
    lines = [f"failures {status.get('failures') or 0}, {left} tries left", *_times(obj)]
    lines += [
        f"step {each.get('step')}: {each.get('output')}" for each in status.get("pipeline") or () if each.get("output")
    ]
    for each in status.get("appliedResourceRefs") or ():
        lines.append(await _applied(reader, each))
    if not status:
        lines.append("nobody has taken it up: Crossplane runs without --enable-operations, or is not there")
    return lines


async def _applied(reader: Reader, reference: Mapping[str, Any]) -> str:
    """With how it is now."""
    what = f"{reference.get('kind')}/{reference.get('name')}"
    try:
        kind = await reader.kind(str(reference.get("kind")), str(reference.get("apiVersion")))
        obj = await reader.one(kind, str(reference.get("name")), str(reference.get("namespace") or ""))
    except FairleadError as error:
        return f"applied {what}: {error}"
    return f"applied {changing.summary(obj, kind.api.categories)}"


async def _runs(reader: Reader, owner: Object) -> list[str]:
    label = _OWNERS["cron" if owner["kind"] == "CronOperation" else "watch"]
    found = await reader.every("Operation", _V1, label_selector=f"{label}={owner['metadata']['name']}")
    found.sort(key=lambda each: str(each["metadata"].get("creationTimestamp")))
    return [_row(each) for each in found[-5:]]


_PIPELINE = Parameter("pipeline", f"YAML list: {building.SHAPE}.", required=True)
_RETRY = Parameter("retry_limit", "Failures before it is given up.", type="integer", minimum=0)
_FUNCTIONS = Right(("list",), "pkg.crossplane.io", "functionrevisions")
_READS = tuple(Right(("get", "list"), GROUP, f"{each.lower()}s") for each in KINDS.values())
_LIMIT = Parameter("limit", "Of each type.", type="integer", default=50, minimum=1, maximum=500)


def _writes(kind: str) -> Right:
    return Right(("get", "create", "patch"), GROUP, f"{kind.lower()}s")


TOOLS = (
    Tool(
        "create_operation",
        "Create an operation",
        "Run a pipeline of functions once; what it says to apply is applied by force.",
        plan=create_operation,
        parameters=(NAME, _PIPELINE, _RETRY, changing.WAIT, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        rights=(_writes("Operation"), _FUNCTIONS),
    ),
    Tool(
        "create_cron_operation",
        "Create a cron operation",
        "Run a pipeline of functions on a schedule.",
        plan=create_cron_operation,
        parameters=(
            NAME,
            Parameter("schedule", "E.g. 0 3 * * 1.", required=True),
            _PIPELINE,
            _RETRY,
            Parameter("concurrency_policy", "While one runs.", choices=("Allow", "Forbid", "Replace")),
            Parameter("starting_deadline_seconds", "Later than this is missed.", type="integer", minimum=1),
            Parameter("successful_history_limit", "Kept.", type="integer", minimum=0),
            Parameter("failed_history_limit", "Kept.", type="integer", minimum=0),
            changing.SHORT_WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(_writes("CronOperation"), _FUNCTIONS),
    ),
    Tool(
        "list_operations",
        "List operations",
        "Operations, cron and watch operations, with state, failures and times.",
        list_operations,
        (
            Parameter("type", "Which.", default="all", choices=("all", *KINDS)),
            Parameter("owner", "Runs of this cron or watch operation."),
            Parameter("owner_type", "Which of them.", default="cron", choices=tuple(_OWNERS)),
            _LIMIT,
            CONTEXT,
        ),
        rights=_READS,
    ),
    Tool(
        "get_operation_status",
        "Get an operation's status",
        "How an operation runs or ran: state, retries, outputs, what it applied.",
        get_operation_status,
        (NAME, Parameter("type", "Its type.", default="operation", choices=tuple(KINDS)), CONTEXT),
        rights=_READS,
    ),
)
