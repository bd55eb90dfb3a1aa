"""Watch operations; cron and watch operations after they are made; operations deleted and run again.

Two things about them surprise everybody, and are said before: a watch operation runs at once for each object that
already matches, and it goes on with the labels that it began with until Crossplane is started again.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.crossplane import building
from fairlead.crossplane import operating as facts
from fairlead.machinery import patches, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.upkeep import operations
from fairlead.resources import patching
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_STALE = (
    "Crossplane 2.3 goes on with what it watched before until it is started again, whatever its status says: "
    "delete_operation and create_watch_operation change it at once"
)


async def create_watch_operation(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    await operations.served(reader, "WatchOperation")
    kind = await _watched(reader, arguments)
    labels, namespace = _labels(arguments.get("match_labels")), arguments.get("namespace", "")
    watch = {"apiVersion": kind.api_version, "kind": kind.api.kind, "matchLabels": labels, "namespace": namespace}

    def build(pipeline: list[Object]) -> Object:
        settings, retries = operations.settings(arguments), arguments.get("retry_limit")
        return building.watch_operation(arguments["name"], watch, pipeline, retries, **settings)

    return await operations.created(call, arguments, build, await _matching(reader, kind, labels, namespace))


async def _watched(reader: Reader, arguments: Arguments) -> Kind:
    """Raises `ToolError` for what cannot be watched."""
    try:
        kind = await reader.kind(arguments["watch_kind"])
    except UnknownKindError as error:
        raise ToolError(str(error), "", "" if error.remedy else "install what brings it") from error
    if not kind.can("watch"):
        raise ToolError(f"{kind.api.kind} cannot be watched", f"it can: {', '.join(kind.api.verbs)}")
    if arguments.get("namespace") and not kind.resource.namespaced:
        raise ToolError(f"{kind.api.kind} is in no namespace", "", "leave out namespace")
    return kind


def _labels(pairs: Any) -> dict[str, str]:
    return changing.labels({"labels": pairs or ()})


async def _matching(reader: Reader, kind: Kind, labels: Mapping[str, str], namespace: str) -> str:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    try:
        found = await reader.client.list(kind.resource, namespace or None, label_selector=selector)
    except FairleadError as error:
        return f"how many match now could not be read: {error}; each runs it once, at once"
    return (
        f"{len(found.items)} match now: each runs it once, at once; then each change of one, this pipeline's included"
    )


async def update_operation(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await operations.served(reader, facts.KINDS[arguments["type"]])
    try:
        found = await reader.one(kind, arguments["name"])
        patch = _patch(found, arguments)
        after = patches.merge_patch(found, patch)
        _check(found, after)
        notes = await operations.function_notes(reader, facts.pipeline(after))
        notes += [_STALE] if after["spec"].get("watch") != found["spec"].get("watch") else []
        change = await patching.planned(reader, kind, arguments["name"], "", patch)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    done = planned.plan([changing.noted(change, notes)])
    plan = operations.outcome(reader, done, kind.api.kind, arguments["name"], operations.TAKEN_UP_SECONDS)
    return operations.due(plan, after["spec"]["schedule"]) if "schedule" in patch.get("spec", {}) else plan


def _patch(found: Object, arguments: Arguments) -> Object:
    """Raises `ToolError` and `BuildError`."""
    patch, spec = changing.fields(arguments, found), operations.settings(arguments)
    if arguments.get("schedule"):
        _belongs(found, "CronOperation", "schedule")
        spec["schedule"] = arguments["schedule"]
    if arguments.get("match_labels") is not None:
        _belongs(found, "WatchOperation", "match_labels")
        before = (found["spec"].get("watch") or {}).get("matchLabels") or {}
        spec["watch"] = {"matchLabels": dict.fromkeys(before) | _labels(arguments["match_labels"])}
    upsert, remove = changing.structure(arguments, "upsert_steps", list) or [], arguments.get("remove_steps") or ()
    if upsert or remove:
        pipeline = building.rearranged(facts.pipeline(found), upsert, list(remove), ())
        spec["operationTemplate"] = {"spec": {"pipeline": pipeline}}
    if not (patch or spec):
        raise ToolError("nothing to change was given", "", "give schedule, match_labels, upsert_steps, set or another")
    return _joined(patch, {"spec": spec} if spec else {})


def _belongs(found: Object, kind: str, argument: str) -> None:
    if found["kind"] != kind:
        raise ToolError(f"{argument} is of a {kind}", f"this is a {found['kind']}", "leave it out")


def _joined(one: Object, other: Object) -> Object:
    """Two merge patches as one, whose nulls stay."""
    both = {key: _joined(one[key], other[key]) for key in one.keys() & other.keys() if isinstance(one[key], dict)}
    return {**one, **other, **both}


def _check(before: Object, after: Object) -> None:
    """What Crossplane would say too late. Raises `ToolError` and `BuildError`."""
    watched = [(each["spec"].get("watch") or {}) for each in (before, after)]
    if any(watched[0].get(each) != watched[1].get(each) for each in ("apiVersion", "kind")):
        raise ToolError("the kind that is watched stays as it is", "", "create another with create_watch_operation")
    if after["kind"] == "CronOperation":
        building.check_schedule(str(after["spec"].get("schedule")))
    building.check_pipeline(facts.pipeline(after))


async def delete_operation(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await operations.served(reader, facts.KINDS[arguments["type"]])
    try:
        notes = await _goes(reader, await reader.one(kind, arguments["name"]))
    except FairleadError as error:
        if isinstance(error, statuses.NotFound):
            await operations.check_type(reader, arguments)
        raise answering.refused(error, kind) from error
    return await changing.deleted(call, arguments, kind, *notes)


async def _goes(reader: Reader, obj: Object) -> list[str]:
    """What goes with it and what stays. Raises `ToolError` where the runs cannot be counted."""
    if obj["kind"] == "Operation":
        applied = len((obj.get("status") or {}).get("appliedResourceRefs") or ())
        stays = [f"what it has applied stays: {applied}"] if applied else []
        return stays if facts.is_over(obj) else [*stays, "it is not over: a step that runs now is not called back"]
    try:
        found = await operations.runs(reader, obj)
    except FairleadError as error:
        raise ToolError(
            f"the runs of {obj['metadata']['name']} cannot be counted, so it is not deleted", str(error)
        ) from error
    running = sum(not facts.is_over(each) for each in found)
    return [f"goes with it: {len(found)} Operation, {running} not over; what they have applied stays"]


async def rerun_operation(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await operations.served(reader, facts.KINDS[arguments["type"]])
    try:
        found = await reader.one(kind, arguments["name"])
        name = arguments.get("new_name") or await operations.free_name(reader, arguments["name"])
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    notes = [*_why(found), *await operations.function_notes(reader, facts.pipeline(found))]
    plan = await changing.created(call, arguments, facts.again(found, name), *notes, settles=False)
    return operations.outcome(reader, plan, "Operation", name, arguments.get("wait_seconds") or 0)


def _why(found: Object) -> list[str]:
    name = found["metadata"]["name"]
    if found["kind"] != "Operation":
        return [f"it is none of {name}'s runs: its concurrency policy and history do not count it"]
    if not facts.is_over(found):
        return [f"{name} is not over: both may run at the same time"]
    return [f"{name} stays as it is: an operation that is over never runs again"]


_NAME_OF_KIND = Parameter("watch_kind", "E.g. Pod, databases.example.org.", required=True)
_MATCH = Parameter("match_labels", "key=value.", type="array")
_UPDATED = Parameter("type", "Its type.", required=True, choices=("cron", "watch"))
_END = (DRY_RUN, CONTEXT)
_ANY = Right(("list",), "*", "*")
_RUNS = operations.rights("Operation", "list")
_CREATE = ("get", "create", "patch")
TOOLS: tuple[Tool, ...] = (
    Tool(
        "create_watch_operation",
        "Create a watch operation",
        "Run a pipeline of functions whenever an object of a kind changes.",
        plan=create_watch_operation,
        parameters=(
            NAME,
            _NAME_OF_KIND,
            _MATCH,
            Parameter("namespace", "Of what is watched."),
            *(operations.PIPELINE, operations.RETRY, *operations.REPEATED, *_END),
        ),
        tool_class=ToolClass.WRITE,
        rights=(operations.rights("WatchOperation", *_CREATE), _RUNS, operations.FUNCTIONS, changing.EVENTS, _ANY),
    ),
    Tool(
        "update_operation",
        "Update a cron or watch operation",
        "Change a schedule, what is watched by label, steps or limits; the kind watched stays.",
        plan=update_operation,
        parameters=(
            NAME,
            _UPDATED,
            Parameter("schedule", "E.g. 0 3 * * 1."),
            Parameter("match_labels", "key=value; replaces all.", type="array"),
            Parameter("upsert_steps", "YAML list of whole steps."),
            Parameter("remove_steps", "Their names.", type="array"),
            operations.REPEATED[0],
            replace(changing.SET, description="Other fields, e.g. spec.startingDeadlineSeconds=60."),
            *(changing.UNSET, *_END),
        ),
        tool_class=ToolClass.WRITE,
        rights=(
            *(
                operations.rights("CronOperation", "get", "patch"),
                operations.rights("WatchOperation", "get", "patch"),
                _RUNS,
            ),
            *(operations.FUNCTIONS, changing.EVENTS),
        ),
    ),
    Tool(
        "delete_operation",
        "Delete an operation",
        "Delete an operation, or a cron or watch operation with its runs; ends a schedule.",
        plan=delete_operation,
        parameters=(NAME, operations.TYPE, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=tuple(
            Right(("get", "list", "delete"), operations.GROUP, f"{each.lower()}s") for each in facts.KINDS.values()
        ),
    ),
    Tool(
        "rerun_operation",
        "Run an operation again",
        "Run an operation once more under a new name, or a cron operation's pipeline now.",
        plan=rerun_operation,
        parameters=(
            NAME,
            Parameter("type", "Of what is run.", default="operation", choices=("operation", "cron")),
            Parameter("new_name", "The next free by default."),
            *(changing.WAIT, DRY_RUN, CONTEXT),
        ),
        tool_class=ToolClass.WRITE,
        rights=(
            *(operations.rights("Operation", "list", *_CREATE), operations.rights("CronOperation", "get")),
            *(operations.FUNCTIONS, changing.EVENTS),
        ),
    ),
)
