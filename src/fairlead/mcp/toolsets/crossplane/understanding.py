"""What a control plane holds and what ails it: the answer first, the evidence after it, the next call last."""

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.crossplane import surveying, tracing
from fairlead.crossplane.defining import describing
from fairlead.crossplane.understanding import deleting, migrating, overview, reporting, steps, telling
from fairlead.crossplane.understanding.diagnosing import diagnose
from fairlead.crossplane.understanding.steps import Next
from fairlead.machinery import encoding, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call, LinesError
from fairlead.mcp.tools import Answer, Parameter, Right, Tool, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import API_VERSION, CONTEXT, NAME, NAMESPACE
from fairlead.mcp.toolsets.crossplane import shortening
from fairlead.resources import manifests
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
_KIND = Parameter("kind", "E.g. Database, xrd, provider, buckets.s3.aws.upbound.io.", required=True)
_ITS_NAMESPACE = Parameter("namespace", "Its namespace.")
_DEPTH = Parameter("depth", "Levels below it.", type="integer", default=10, minimum=1, maximum=50)
_SCOPES = Parameter("scopes", f"Of {', '.join(surveying.SCOPES)}; all by default.", type="array")
_VERSION = Parameter("version", "The referenceable one by default.")
_MIGRATION = Parameter("migration", "Name what is of Crossplane 1, with its new form.", type="boolean", default=False)
_MOST_NODES = 150


async def _found(call: Call, arguments: Arguments) -> tuple[Reader, Kind]:
    reader = call.target(arguments.get("context", ""))
    return reader, await reader.kind(arguments["kind"], arguments.get("api_version", ""))


def _told(lines: Iterable[str], what: str, *after: str) -> Answer:
    """`after` is ours, and stands outside of what others have written."""
    return Answer("\n".join((fencing.fenced(redacting.text("\n".join(shortening.lines(lines))), what), *after)))


def _next(call: Call, *following: Next) -> list[str]:
    calls = [each.of(call.offers) for each in following]
    return [f"next: {each}" for each in calls if each is not None]


async def trace_resource(call: Call, arguments: Arguments) -> Answer:
    reader, kind = await _found(call, arguments)
    limits = tracing.Limits(arguments["depth"], _MOST_NODES)
    try:
        trace = await tracing.trace(reader, kind, arguments["name"], arguments.get("namespace", ""), limits=limits)
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    lines = ["  ".join(reporting.columns(trace)), *("  ".join(cells) for _, cells in reporting.rows(trace, wide=True))]
    troubles = len(trace.troubles)
    after = [f"{len(trace.nodes)} objects, {troubles} in trouble"]
    after += _next(call, steps.diagnose(trace.root.reference)) if troubles else []
    return _told(lines, str(trace.root.reference), *after)


async def diagnose_resource(call: Call, arguments: Arguments) -> Answer:
    reader, kind = await _found(call, arguments)
    try:
        found = await diagnose(reader, kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    root = found.trace.root.reference
    following = telling.following(found.causes, call.offers, steps.about("diagnose_resource", root))
    return _told(telling.diagnosis(found), f"diagnosis of {root}", *following)


async def list_unhealthy(call: Call, arguments: Arguments) -> Answer:
    scopes = arguments.get("scopes") or surveying.SCOPES
    if wrong := sorted(set(scopes) - set(surveying.SCOPES)):
        raise ToolError(f"{', '.join(wrong)} is no scope", "", f"there are: {', '.join(surveying.SCOPES)}")
    reader = call.target(arguments.get("context", ""))
    found = await surveying.survey(reader, scopes, arguments.get("namespace", ""))
    worst = [members[0].reference for _, members in found.grouped()[:1]]
    return _told(telling.survey(found), "what is not well", *_next(call, *map(steps.diagnose, worst)))


async def explain_deletion(call: Call, arguments: Arguments) -> Answer:
    reader, kind = await _found(call, arguments)
    try:
        found = await deleting.explain(reader, kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    root = found.trace.root.reference
    following = telling.following(found.obstacles, call.offers, steps.about("explain_deletion", root))
    return _told(telling.deletion(found), f"deletion of {root}", *following)


async def describe_xrd_schema(call: Call, arguments: Arguments) -> Answer:
    reader = call.target(arguments.get("context", ""))
    xrds = await reader.kind("CompositeResourceDefinition", "apiextensions.crossplane.io/v1")
    try:
        xrd = describing.find((await reader.client.list(xrds.resource)).items, arguments["kind"])
        lines = describing.fields(xrd, arguments.get("version", ""))
        examples = describing.samples(xrd, arguments.get("version", ""))
    except FairleadError as error:
        raise answering.refused(error, xrds) from error
    sample = "---\n".join(map(encoding.to_yaml, examples))
    return _told([*lines, "", "for example:", sample], f"XRD {xrd['metadata']['name']}")


async def validate_manifest(call: Call, arguments: Arguments) -> Answer:
    from fairlead.crossplane.defining import validating  # the rules of schemas are a tenth of all that a start imports

    wanted = manifests.read(arguments["manifest"])
    reader = call.target(arguments.get("context", ""))
    found = await validating.validate(reader, wanted, arguments.get("namespace", ""), tries=not call.reads_only)
    answer = _told(validating.lines(found), f"{len(found)} manifests")
    if all(each.status == validating.INVALID for each in found):
        raise LinesError(answer.text)
    return answer


async def control_plane_status(call: Call, arguments: Arguments) -> Answer:
    reader = call.target(arguments.get("context", ""))
    found = await overview.overview(reader)
    lines, unread = [f"{what}: {said}" for what, said in found.lines], found.unread
    if arguments["migration"]:
        old, gaps = await migrating.old(reader)
        lines += [f"to migrate: {each}" for each in old] or ["to migrate: nothing, all is of the second generation"]
        unread = (*unread, *gaps)
    lines += [f"not read: {each}" for each in unread]
    return _told(lines, "the control plane", *_next(call, steps.UNHEALTHY))


_ANY = (Right(("get", "list"), "*", "*"),)
_ONE = (_KIND, NAME, _ITS_NAMESPACE, API_VERSION)
TOOLS = (
    Tool(
        "trace_resource",
        "Trace a resource",
        "The tree of what a claim, composite or package is made of, with synced, ready and state of each child.",
        trace_resource,
        (*_ONE, _DEPTH, CONTEXT),
        rights=_ANY,
    ),
    Tool(
        "diagnose_resource",
        "Diagnose a resource",
        "Find the root cause why a claim, composite, provider or other resource is waiting, not ready or healthy,"
        " or stopped reconciling (circuit breaker), and the next call.",
        diagnose_resource,
        (*_ONE, CONTEXT),
        rights=_ANY,
    ),
    Tool(
        "list_unhealthy",
        "List what is unhealthy",
        "Find all resources that have problems: broken, unhealthy, not synced or ready, of all kinds and namespaces.",
        list_unhealthy,
        (_SCOPES, NAMESPACE, CONTEXT),
        rights=_ANY,
    ),
    Tool(
        "explain_deletion",
        "Explain a deletion",
        "What a deletion would take with it, or what is blocking it: why a resource is stuck deleting "
        "(Terminating). Deletes nothing.",
        explain_deletion,
        (*_ONE, CONTEXT),
        rights=_ANY,
    ),
    Tool(
        "describe_xrd_schema",
        "Describe an XRD's schema",
        "Which fields a claim or composite accepts in its spec: the schema with types, defaults, rules, and an "
        "example.",
        describe_xrd_schema,
        (Parameter("kind", "Of claim or composite, or the XRD's name.", required=True), _VERSION, CONTEXT),
        rights=(Right(("list",), "apiextensions.crossplane.io", "compositeresourcedefinitions"),),
    ),
    Tool(
        "validate_manifest",
        "Validate Crossplane manifests",
        "Check YAML manifests against the schema of their XRD or CRD: unknown fields, typos, and whether the "
        "compositions, functions and provider configs that they need are there.",
        validate_manifest,
        (
            Parameter("manifest", "YAML or JSON, one or more documents.", required=True),
            Parameter("namespace", "For documents that name none."),
            CONTEXT,
        ),
        rights=_ANY,
    ),
    Tool(
        "control_plane_status",
        "Show the control plane",
        "Overview: which Crossplane version is installed, is it healthy, packages and counts; what is left to "
        "migrate from v1 to v2.",
        control_plane_status,
        (_MIGRATION, CONTEXT),
        rights=_ANY,
    ),
)
