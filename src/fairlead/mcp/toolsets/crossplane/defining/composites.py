"""Claims and composites as they are: what an app team has ordered, and what has come of it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import references, tracing
from fairlead.crossplane.defining import composites
from fairlead.crossplane.defining.composites import CompositeError, Row
from fairlead.crossplane.judging import State
from fairlead.crossplane.tracing import Trace
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.upkeep import removing
from fairlead.machinery import conditions, encoding, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, LABELS, LIMIT, NAME, NAMESPACE
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.defining import ordering
from fairlead.resources import cleaning, tabulating
from fairlead.resources.reading import Query, Reader
from fairlead.resources.tabulating import Rows

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_COLUMNS = ("KIND", "NAMESPACE", "NAME", "STATE", "SYNCED", "READY", "COMPOSITION", "REVISION", "WITH", "WHY")
_LONGEST_WHY = 160
_MOST_NODES = 150


async def list_composites(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    namespace = arguments.get("namespace", "")
    try:
        kinds = await composites.chosen(reader, arguments.get("kind", ""), namespace)
    except CompositeError as error:
        raise ToolError(error.what, "", "claim, composite, or a kind that list_xrds names") from error
    query = Query(namespace=namespace, label_selector=arguments.get("label_selector", ""))
    found, gaps = await composites.rows(reader, kinds, query)
    wanted = [each for each in found if _is_wanted(each, arguments)]
    text = tabulating.render(Rows(_COLUMNS, tuple(map(_cells, wanted[: arguments["limit"]])))) if wanted else "none"
    lines = [_counted(wanted, arguments["limit"], len(kinds)), *(f"not read: {each}" for each in gaps)]
    lines += [f"next: {steps.about('diagnose_resource', each.reference)}" for each in wanted[:1] if each.is_unhealthy]
    answer = answering.listed(
        redacting.text(text), "claims and composites", lines[0], min(len(wanted), arguments["limit"])
    )
    return Answer("\n".join([answer.text, *(redacting.text(fencing.plain(each)) for each in lines[1:])]))


def _is_wanted(row: Row, arguments: Arguments) -> bool:
    asked, state = arguments.get("composition", ""), arguments.get("state", "")
    fits = row.is_unhealthy if state == "unhealthy" else row.health.state.value == state
    return (not asked or row.composition == asked) and (not state or fits)


def _counted(found: list[Row], limit: int, kinds: int) -> str:
    unwell = sum(each.is_unhealthy for each in found)
    said = f"{len(found)} objects of {kinds} kinds, {unwell} not well"
    if len(found) <= limit:
        return said
    return f"{said}; {len(found) - limit} are left out: narrow with kind, namespace, state, composition or limit"


def _cells(row: Row) -> tuple[str, ...]:
    why = ": ".join(" ".join(each.split()) for each in (row.health.reason, row.health.message) if each)
    why = "" if row.health.state is State.HEALTHY else why
    revision = row.revision.removeprefix(f"{row.composition}-") + (" pinned" if row.pinned else "")
    return (
        *(row.reference.kind, row.reference.namespace, row.reference.name, row.health.state.value),
        *(row.synced, row.ready, row.composition, revision, str(row.partner or "")),
        why if len(why) <= _LONGEST_WHY else f"{why[:_LONGEST_WHY]}…",
    )


async def get_composite(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    kind = await ordering.kind_of(reader, arguments["kind"])
    limits = tracing.Limits(2 if composites.is_claim(kind) else 1, _MOST_NODES)
    try:
        trace = await tracing.trace(reader, kind, arguments["name"], arguments.get("namespace", ""), limits=limits)
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    obj = dict(trace.root.obj or {})
    text = encoding.to_yaml(cleaning.cleaned(_bare(obj)))
    shown = answering.fenced(text, str(trace.root.reference), changing.narrower(call))
    lines = [changing.summary(obj, kind.api.categories), *_conditions(obj), *await _chosen(reader, obj)]
    lines += [*_partner(obj, trace), *_made_of(trace, obj), *_secret(obj)]
    lines = [redacting.text(fencing.plain(each)) for each in lines]
    if trace.root.health.state is not State.HEALTHY or trace.troubles:
        lines += await changing.warnings(reader, obj)
        lines.append(f"next: {steps.about('diagnose_resource', trace.root.reference)}")
    return Answer("\n".join([shown, *lines]))


def _bare(obj: Object) -> Object:
    """What its author wrote and what its composition answers: the rest is said in lines."""
    status = {key: value for key, value in (obj.get("status") or {}).items() if key != "conditions"}
    return {**{key: value for key, value in obj.items() if key != "status"}, "spec": composites.wishes(obj)} | (
        {"status": status} if status else {}
    )


def _conditions(obj: Object) -> list[str]:
    told = []
    for each in conditions.conditions(obj):
        message = " ".join(str(each.get("message") or "").split())
        parts = [str(each.get("reason") or ""), message, f"since {each.get('lastTransitionTime')}"]
        told.append(f"{each.get('type')}: {each.get('status')}, {', '.join(part for part in parts if part)}")
    return told


async def _chosen(reader: Reader, obj: Object) -> list[str]:
    """Composition and revision, and whether there is a newer one."""
    name, revision = composites.composition(obj), composites.revision(obj)
    if not name:
        return ["composition: none is chosen yet"]
    policy = "pinned" if composites.is_pinned(obj) else "follows the latest"
    try:
        label = f"crossplane.io/composition-name={name}"
        found = await reader.every("CompositionRevision", "apiextensions.crossplane.io/v1", label_selector=label)
    except FairleadError as error:
        return [f"composition: {name}, revision {revision}, {policy}; its revisions could not be read: {error}"]
    latest = max(found, key=lambda each: int(each["spec"].get("revision") or 0), default=None)
    newest = str(latest["metadata"]["name"]) if latest else ""
    newer = "the latest" if revision == newest else f"the latest is {newest}"
    if not newest:
        return [f"composition: {name}, which is not there or has no revision"]
    return [f"composition: {name}, revision {revision or 'none yet'}, {policy}; {newer}"]


def _partner(obj: Object, trace: Trace) -> list[str]:
    other = composites.partner(obj)
    if other is None:
        return []
    if "resourceRef" not in obj["spec"]:
        return [f"claim: {other}; what it sets is changed there"]
    node = next((each for each in trace.nodes if each.reference.name == other.name and each.id), None)
    if node is None:
        return [f"composite: {other}"]
    return [f"composite: {other}, {node.health.state.value if node.obj else f'not read: {node.health.message}'}"]


def _made_of(trace: Trace, obj: Object) -> list[str]:
    """How many objects of each kind, and those that are not well."""
    above = {references.of(obj)} | ({other} if (other := composites.partner(obj)) else set())
    below = [each for each in trace.nodes if each.reference not in above]
    kinds = ", ".join(
        f"{count} {kind}" for kind, count in sorted(Counter(each.reference.kind for each in below).items())
    )
    unwell, unread = [], dict[str, str]()
    for each in below:
        said = (each.health.state.value, each.health.reason, " ".join(each.health.message.split()))
        if each.obj is None and each.health.state is State.UNKNOWN and each.health.reason != "NotFound":
            unread.setdefault(each.reference.kind, each.health.message)
        elif each.health.state is not State.HEALTHY:
            unwell.append(f"not well: {each.reference}: {': '.join(part for part in said if part)}")
    lines = [f"made of: {kinds or 'nothing yet'}", *removing.some(unwell)]
    lines += [f"not read: {kind}: {why}" for kind, why in unread.items()]
    return lines + [f"not shown: {each.cut}" for each in trace.nodes if each.cut and "left out" in each.cut]


def _secret(obj: Object) -> list[str]:
    found = composites.connection_secret(obj)
    return [f"connection details: in the {found}, which is not read"] if found else []


_EITHER = ("claim", "composite")
_READ = Right(("get", "list"), "*", "*", _EITHER)
_REVISIONS = Right(("list",), "apiextensions.crossplane.io", "compositionrevisions")
TOOLS: tuple[Tool, ...] = (
    Tool(
        "list_composites",
        "List claims and composites",
        "Which claims and composite resources (XRs) exist and which are ready: composition, revision, what is wrong.",
        list_composites,
        (
            Parameter("kind", "E.g. Database; claim or composite for all of these; both by default."),
            NAMESPACE,
            Parameter("composition", "Only of this one."),
            Parameter("state", "Only these.", choices=("unhealthy", "healthy", "paused", "deleting")),
            LABELS,
            LIMIT,
            CONTEXT,
        ),
        rights=(_READ,),
    ),
    Tool(
        "get_composite",
        "Get a claim or composite",
        "One claim or composite resource: spec, status, conditions, composition and revision, what it is made of, "
        "connection secret's name.",
        get_composite,
        (ordering.KIND, NAME, ordering.ITS_NAMESPACE, CONTEXT),
        rights=(Right(("get", "list"), "*", "*"), _REVISIONS, changing.EVENTS),
    ),
    *ordering.TOOLS,
)
