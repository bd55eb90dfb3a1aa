"""Operations: pipelines of functions that run once, on a schedule, or when something changes; made and looked at."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.crossplane import building, crontab
from fairlead.crossplane import operating as facts
from fairlead.crossplane.judging import State, judge
from fairlead.machinery import redacting, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing, shortening, showing
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.planning import live
from fairlead.resources.reading import Query, Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
GROUP = "ops.crossplane.io"
_PAUSE = 0.5
TAKEN_UP_SECONDS = 5
"""For cron and watch operations, which need no time: one that says nothing by then is not looked after."""


async def served(reader: Reader, name: str) -> Kind:
    """Raises `ToolError` where this Crossplane has no operations."""
    try:
        return await reader.kind(name, facts.VERSION)
    except UnknownKindError as error:
        raise ToolError("this control plane has no operations", "they came with Crossplane 2", "") from error


async def create_operation(call: Call, arguments: Arguments) -> Plan:
    named = {**arguments, "name": await _name(changing.reader(call, arguments), arguments)}
    return await created(call, named, lambda pipeline: building.operation(
        named["name"], pipeline, arguments.get("retry_limit")
    ))  # fmt: skip


async def _name(reader: Reader, arguments: Arguments) -> str:
    """As given, or the first that is free: a random one would be another when the plan is confirmed."""
    name, prefix = (str(arguments.get(each) or "") for each in ("name", "generate_name"))
    if bool(name) == bool(prefix):
        raise ToolError("what to call it is not said", "", "give either name or generate_name")
    kind = await served(reader, "Operation")
    try:
        return name or await free_name(reader, prefix, 1)
    except FairleadError as error:
        raise answering.refused(error, kind) from error


async def free_name(reader: Reader, base: str, number: int = 2) -> str:
    """Of an operation. Raises what `Reader` raises."""
    found = await reader.every("Operation", facts.VERSION)
    return facts.free_name(base, (each["metadata"]["name"] for each in found), number)


async def create_cron_operation(call: Call, arguments: Arguments) -> Plan:
    plan = await created(call, arguments, lambda pipeline: building.cron_operation(
        arguments["name"], arguments["schedule"], pipeline, arguments.get("retry_limit"), **settings(arguments)
    ))  # fmt: skip
    return due(plan, arguments["schedule"])


def due(plan: Plan, schedule: str) -> Plan:
    """The plan with the next runs, which are shown and not agreed to: a minute later they are others."""
    return replace(plan, diff=f"{plan.diff}\n{facts.next_runs(schedule)}")


def settings(arguments: Arguments) -> Object:
    """What cron and watch operations have in common, as their spec calls it; only what is given."""
    names = {
        "concurrency_policy": "concurrencyPolicy",
        "starting_deadline_seconds": "startingDeadlineSeconds",
        "successful_history_limit": "successfulHistoryLimit",
        "failed_history_limit": "failedHistoryLimit",
    }
    return {field: arguments[name] for name, field in names.items() if arguments.get(name) is not None}


async def created(
    call: Call, arguments: Arguments, build: Callable[[list[Object]], Object], *notes: str, update: str = ""
) -> Plan:
    reader = changing.reader(call, arguments)
    await served(reader, "Operation")
    pipeline = changing.structure(arguments, "pipeline", list)
    try:
        manifest = build(pipeline)
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    update = update or ("rerun_operation" if manifest["kind"] == "Operation" else "update_operation")
    noted = (*notes, *await function_notes(reader, pipeline))
    plan = await changing.created(call, arguments, manifest, *noted, update=update, settles=False)
    return outcome(reader, plan, manifest["kind"], arguments["name"], arguments.get("wait_seconds", TAKEN_UP_SECONDS))


async def function_notes(reader: Reader, pipeline: Sequence[Object]) -> list[str]:
    try:
        return facts.function_notes(await reader.every("FunctionRevision", "pkg.crossplane.io/v1"), pipeline)
    except FairleadError as error:
        return [f"whether its functions can run could not be read: {error}"]


def outcome(reader: Reader, plan: Plan, kind_name: str, name: str, seconds: int) -> Plan:
    """The plan, whose answer says what came of it: of an operation its end, of the others that they are taken up."""

    async def tell() -> list[str]:
        kind = await served(reader, kind_name)
        obj = await _arrived(reader, kind, name, seconds)
        lines = [f"state: {changing.summary(obj)}", *await changing.warnings(reader, obj), *await _about(reader, obj)]
        over = kind_name == "Operation" and not facts.is_over(obj) and not facts.is_unheard(obj)
        return [*lines, *([f"next: get_operation_status name={name} says how it ends"] if over else [])]

    return changing.telling(plan, tell)


async def _arrived(reader: Reader, kind: Kind, name: str, seconds: int) -> Object:
    """After so many seconds at most; what nobody has taken up by then, nobody will."""
    obj, began = await reader.one(kind, name), asyncio.get_running_loop().time()
    while not (facts.is_over(obj) if kind.api.kind == "Operation" else judge(obj).state is State.HEALTHY):
        most = min(seconds, TAKEN_UP_SECONDS) if facts.is_unheard(obj) else seconds
        if asyncio.get_running_loop().time() - began >= most:
            break
        await asyncio.sleep(_PAUSE)
        obj = await reader.one(kind, name)
    return obj


async def list_operations(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    lines, total, more = list[str](), 0, list[str]()
    for kind_name, selector in _places(arguments["type"], arguments.get("owner", "")):
        kind = await served(reader, kind_name)
        try:
            page = await reader.page(kind, Query(label_selector=selector, limit=arguments["limit"]), table=False)
        except FairleadError as error:
            raise answering.refused(error, kind) from error
        items = [{"apiVersion": facts.VERSION, "kind": kind_name, **each} for each in page.document.get("items") or ()]
        items = [each for each in items if arguments.get("state") in (None, judge(each).state.value)]
        total += len(items)
        lines += [_row(each) for each in items]
        more += [f"more {kind_name}s follow; raise limit"] if page.cursor else []
    if not lines and not more:
        return Answer("no such operations; create one with create_operation or create_cron_operation")
    text = "\n".join(shortening.lines(lines, shortening.room(arguments["limit"])))
    said = f"{total} shown" if more else f"{total} in all"
    return Answer("\n".join([fencing.fenced(redacting.text(text), "operations"), said, *more]))


def _places(wanted: str, owner: str) -> list[tuple[str, str]]:
    """Kinds, each with a label selector; an owner's runs are operations, whichever kind it is of."""
    if owner:
        kinds = facts.OWNERS if wanted in ("all", "operation") else (facts.KINDS[wanted],)
        return [("Operation", f"{facts.OWNERS[each]}={owner}") for each in kinds]
    return [(kind, "") for name, kind in facts.KINDS.items() if wanted in ("all", name)]


def _row(obj: Object) -> str:
    told = [changing.summary(obj)]
    if obj["kind"] == "Operation":
        failures, most = facts.tries(obj)
        told += [facts.origin(obj), f"failures {failures} of {most}", facts.times(obj)]
    else:
        last = (obj.get("status") or {}).get("lastScheduleTime")
        told += [facts.trigger(obj), f"last {last}" if last else ""]
    return "; ".join(each for each in told if each)


async def get_operation_status(call: Call, arguments: Arguments) -> Answer:
    reader, wanted = changing.reader(call, arguments), facts.KINDS[arguments["type"]]
    await served(reader, wanted)
    try:
        return await showing.gets(wanted, facts.VERSION, _about)(call, arguments)
    except ToolError as error:
        if isinstance(error.__cause__, statuses.NotFound):
            await check_type(reader, arguments)
        raise


async def check_type(reader: Reader, arguments: Arguments) -> None:
    """Of what is not there; raises `ToolError` where one of another type has its name."""
    for other, kind_name in facts.KINDS.items():
        if other != arguments["type"] and await live(reader, await served(reader, kind_name), arguments["name"], ""):
            raise ToolError(f"{arguments['name']} is a {kind_name}", "", f"give type={other}") from None


async def _about(reader: Reader, obj: Object) -> list[str]:
    if facts.is_unheard(obj):
        return [facts.UNHEARD]
    if obj["kind"] != "Operation":
        return [*_when(obj), *await _runs(reader, obj)]
    failures, most = facts.tries(obj)
    left = "" if facts.is_over(obj) else f", {max(0, most - failures)} tries left"
    lines = [facts.origin(obj), f"failures {failures} of {most}{left}", facts.times(obj)]
    status = obj.get("status") or {}
    lines += [
        f"step {each.get('step')}: {each.get('output')}" for each in status.get("pipeline") or () if each.get("output")
    ]
    lines += [await _applied(reader, each) for each in status.get("appliedResourceRefs") or ()]
    return [each for each in lines if each]


def _when(obj: Object) -> list[str]:
    status = obj.get("status") or {}
    running = ", ".join(str(each.get("name")) for each in status.get("runningOperationRefs") or ()) or "none"
    lines = [f"running: {running}"]
    if obj["kind"] == "WatchOperation":
        return [f"{facts.trigger(obj)}: {status.get('watchingResources') or 0} now", *lines]
    try:
        return [*lines, facts.next_runs(str(obj["spec"].get("schedule")))]
    except crontab.ScheduleError as error:
        return [*lines, f"next runs: {error}"]


async def _applied(reader: Reader, reference: Mapping[str, Any]) -> str:
    """With how it is now."""
    what = f"{reference.get('kind')}/{reference.get('name')}"
    try:
        kind = await reader.kind(str(reference.get("kind")), str(reference.get("apiVersion")))
        obj = await reader.one(kind, str(reference.get("name")), str(reference.get("namespace") or ""))
    except FairleadError as error:
        return f"applied {what}: {error}"
    return f"applied {changing.summary(obj, kind.api.categories)}"


async def runs(reader: Reader, owner: Object) -> list[Object]:
    """Oldest first; none of one whose name is too long for the label of a run. Raises what `Reader` raises."""
    if len(owner["metadata"]["name"]) > building.LONGEST_LABEL:
        return []
    mine = f"{facts.OWNERS[owner['kind']]}={owner['metadata']['name']}"
    found = await reader.every("Operation", facts.VERSION, label_selector=mine)
    return sorted(found, key=lambda each: str(each["metadata"].get("creationTimestamp")))


async def _runs(reader: Reader, owner: Object) -> list[str]:
    return [_row(each) for each in (await runs(reader, owner))[-5:]]


PIPELINE = Parameter("pipeline", "YAML list of {step, functionRef: {name}, input}.", required=True)
RETRY = Parameter("retry_limit", "Failures at most; 5 by default.", type="integer", minimum=1)
TYPE = Parameter("type", "Its type.", default="operation", choices=tuple(facts.KINDS))
DEADLINE = Parameter("starting_deadline_seconds", "Later than this is missed.", type="integer", minimum=1)
REPEATED = (
    Parameter("concurrency_policy", "While one runs.", choices=("Allow", "Forbid", "Replace")),
    Parameter("successful_history_limit", "Kept.", type="integer", minimum=0),
    Parameter("failed_history_limit", "Kept.", type="integer", minimum=0),
)
FUNCTIONS = Right(("list",), "pkg.crossplane.io", "functionrevisions")
_STATES = tuple(each.value for each in (State.HEALTHY, State.PROGRESSING, State.UNHEALTHY, State.PAUSED))
_LIMIT = Parameter("limit", "Of each type.", type="integer", default=50, minimum=1, maximum=500)


def rights(kind: str, *verbs: str) -> Right:
    return Right(verbs, GROUP, f"{kind.lower()}s")


_RUNS = rights("Operation", "list")
_CREATE = ("get", "create", "patch")
TOOLS = (
    Tool(
        "create_operation",
        "Create an operation",
        "Run a one-time operation: a pipeline of functions, once; what it says to apply is applied by force.",
        plan=create_operation,
        parameters=(
            Parameter("name", "Its name."),
            Parameter("generate_name", "Or what it begins with."),
            *(PIPELINE, RETRY, changing.WAIT, DRY_RUN, CONTEXT),
        ),
        tool_class=ToolClass.WRITE,
        rights=(rights("Operation", "list", *_CREATE), FUNCTIONS, changing.EVENTS),
    ),
    Tool(
        "create_cron_operation",
        "Create a cron operation",
        "Schedule a recurring operation: run a pipeline of functions e.g. every night.",
        plan=create_cron_operation,
        parameters=(
            NAME,
            Parameter("schedule", "E.g. 0 3 * * 1.", required=True),
            *(PIPELINE, RETRY, DEADLINE, *REPEATED),
            *(DRY_RUN, CONTEXT),
        ),
        tool_class=ToolClass.WRITE,
        rights=(rights("CronOperation", *_CREATE), _RUNS, FUNCTIONS, changing.EVENTS),
    ),
    Tool(
        "list_operations",
        "List operations",
        "Operations, cron and watch operations, with state, failures and times.",
        list_operations,
        (
            Parameter("type", "Which.", default="all", choices=("all", *facts.KINDS)),
            Parameter("owner", "Runs of this one."),
            Parameter("state", "Unhealthy has failed.", choices=_STATES),
            _LIMIT,
            CONTEXT,
        ),
        rights=tuple(rights(each, "list") for each in facts.KINDS.values()),
    ),
    Tool(
        "get_operation_status",
        "Get an operation's status",
        "Whether an operation succeeded: state, retries, outputs, what it applied; last and next run of a cron or"
        " watch one.",
        get_operation_status,
        (NAME, TYPE, CONTEXT),
        rights=(*(rights(each, "get") for each in facts.KINDS.values()), _RUNS, changing.EVENTS),
    ),
)
