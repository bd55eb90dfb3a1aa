"""Usages: what must not be deleted while something needs it."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, LABELS, LIMIT, NAMESPACE
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Query, Reader

Object = dict[str, Any]
GROUP = "protection.crossplane.io"
_V1 = f"{GROUP}/v1beta1"
_LEGACY = "apiextensions.crossplane.io/v1beta1"
_ATTEMPT = "usage.crossplane.io/deletion-attempt-with-policy"
_PLACES = (("Usage", _V1), ("ClusterUsage", _V1), ("Usage", _LEGACY))


async def create_usage(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind(arguments["of_kind"])
    namespace = arguments.get("namespace", "") if kind.resource.namespaced else ""
    if kind.resource.namespaced and not namespace:
        raise ToolError(f"{kind.api.kind} is namespaced", "", "give `namespace`, where its usage will be too")
    legacy = not await _serves(reader, "Usage", _V1)
    if legacy and namespace:
        what = f"Crossplane 1.x protects only what is in no namespace, and {kind.api.kind} is in one"
        raise ToolError(what, "", "protect what it is made of: trace_resource names that")
    name = await _protected(reader, kind, namespace, arguments)
    of = {"apiVersion": kind.api_version, "kind": kind.api.kind, "resourceRef": {"name": name}}
    try:
        manifest = building.usage(
            arguments.get("name") or f"{name}-usage",
            of,
            await _user(reader, arguments),
            arguments.get("reason", ""),
            namespace=namespace,
            replay=bool(arguments.get("replay_deletion")),
            legacy=legacy,
        )
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    return await changing.created(call, arguments, manifest, update="resources_patch")


async def _serves(reader: Reader, kind: str, api_version: str) -> bool:
    try:
        await reader.kind(kind, api_version)
    except UnknownKindError:
        return False
    return True


async def _protected(reader: Reader, kind: Kind, namespace: str, arguments: Mapping[str, Any]) -> str:
    """Its name. Crossplane would take one of several matches at random; here none is taken. Raises `ToolError`."""
    name, selector = arguments.get("of_name", ""), arguments.get("of_label_selector", "")
    if bool(name) == bool(selector):
        raise ToolError("what to protect is not said", "", "give either of_name or of_label_selector")
    try:
        if name:
            await reader.one(kind, name, namespace)
            return str(name)
        found = await reader.client.list(kind.resource, namespace or None, label_selector=selector)
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    names = [str(each["metadata"]["name"]) for each in found.items]
    if len(names) != 1:
        there = fencing.plain(", ".join(names)) or "none"
        what = f"{len(names)} {kind.resource.qualified} match {selector}, and a usage protects one: nothing was made"
        raise ToolError(what, f"they are: {there}", "make one usage for each, by of_name")
    return names[0]


async def _user(reader: Reader, arguments: Mapping[str, Any]) -> Object | None:
    if not arguments.get("by_kind") and not arguments.get("by_name"):
        return None
    if not (arguments.get("by_kind") and arguments.get("by_name")):
        raise ToolError("who uses it is half said", "", "give by_kind and by_name")
    kind = await reader.kind(arguments["by_kind"])
    return {"apiVersion": kind.api_version, "kind": kind.api.kind, "resourceRef": {"name": arguments["by_name"]}}


async def list_usages(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = changing.reader(call, arguments)
    lines, total, gaps = list[str](), 0, list[str]()
    for kind_name, api_version in _PLACES:
        if not await _serves(reader, kind_name, api_version):
            continue
        kind = await reader.kind(kind_name, api_version)
        if arguments.get("namespace") and not kind.resource.namespaced:
            continue
        query = Query(
            namespace=arguments.get("namespace", ""),
            label_selector=arguments.get("label_selector", ""),
            limit=arguments["limit"],
        )
        try:
            page = await reader.page(kind, query, table=False)
        except FairleadError as error:
            gaps.append(f"not read: {kind.resource.qualified}: {error}")
            continue
        items = [{"apiVersion": api_version, "kind": kind_name, **each} for each in page.document.get("items") or ()]
        shown = [each for each in items if _is_wanted(each, arguments)]
        total += len(shown)
        lines += [_row(each) for each in shown]
        gaps += ["more follow; raise limit"] if page.cursor else []
    if not lines:
        return Answer("\n".join(["no usages: nothing is protected from deletion", *gaps]))
    return Answer("\n".join([fencing.fenced(redacting.text("\n".join(lines)), "usages"), f"{total} in all", *gaps]))


def _is_wanted(usage: Object, arguments: Mapping[str, Any]) -> bool:
    for side in ("of", "by"):
        found = (usage.get("spec") or {}).get(side) or {}
        kind, name = arguments.get(f"{side}_kind"), arguments.get(f"{side}_name")
        if kind and str(found.get("kind")).lower() != str(kind).partition(".")[0].lower():
            return False
        if name and (found.get("resourceRef") or {}).get("name") != name:
            return False
    return True


def _row(usage: Object) -> str:
    spec = usage.get("spec") or {}
    told = [f"{changing.summary(usage)}", f"protects {_side(spec.get('of'))}"]
    told += [f"used by {_side(spec['by'])}"] if spec.get("by") else []
    told += [f"because {spec['reason']}"] if spec.get("reason") else []
    told += ["deletes it once it is unused"] if spec.get("replayDeletion") else []
    return "; ".join(told)


def _side(found: Any) -> str:
    found = found or {}
    name = (found.get("resourceRef") or {}).get("name")
    return f"{found.get('kind')}/{name}" if name else f"{found.get('kind')} by {found.get('resourceSelector')}"


async def get_usage(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = changing.reader(call, arguments)
    namespaced = bool(arguments.get("namespace"))
    served = await _serves(reader, "Usage", _V1)
    kind, api_version = _PLACES[2] if not served else _PLACES[0] if namespaced else _PLACES[1]
    return await showing.gets(kind, api_version, _about)(call, arguments)


async def _about(reader: Reader, usage: Object) -> list[str]:
    """Whether what it names is there, and whether a deletion has been tried."""
    spec, lines = usage.get("spec") or {}, [_row(usage)]
    for side in ("of", "by"):
        found = spec.get(side) or {}
        name = (found.get("resourceRef") or {}).get("name")
        if not name:
            continue
        try:
            kind = await reader.kind(str(found.get("kind")), str(found.get("apiVersion")))
            obj = await reader.one(
                kind, name, str(usage["metadata"].get("namespace") or "") if kind.resource.namespaced else ""
            )
        except FairleadError as error:
            lines.append(f"{side}: {error}")
            continue
        annotations = obj["metadata"].get("annotations") or {}
        tried = f"; its deletion was tried ({annotations[_ATTEMPT]})" if annotations.get(_ATTEMPT) else ""
        marked = (obj["metadata"].get("labels") or {}).get("crossplane.io/in-use") == "true"
        protected = "" if side == "by" else "; protected" if marked else "; not marked as in use yet"
        lines.append(f"{side}: {changing.summary(obj, kind.api.categories)}{protected}{tried}")
    return lines


_LEGACY_GROUP = "apiextensions.crossplane.io"
_INSTEAD = f"usages.{GROUP}"
_ANY = Right(("get",), "*", "*")
_OF = (Parameter("of_kind", "What is protected."), Parameter("of_name", "Its name."))
_BY = (Parameter("by_kind", "What uses it."), Parameter("by_name", "Its name."))
TOOLS = (
    Tool(
        "create_usage",
        "Create a usage",
        "Protect an object from deletion, for a reason or while another one uses it.",
        plan=create_usage,
        parameters=(
            Parameter("of_kind", "What to protect.", required=True),
            _OF[1],
            Parameter("of_label_selector", "Instead of a name; has to match one."),
            *_BY,
            Parameter("reason", "Shown to whoever tries."),
            Parameter("namespace", "Of both."),
            Parameter("name", "Of the usage."),
            Parameter("replay_deletion", "Delete it by itself once it is unused.", type="boolean"),
            changing.SHORT_WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(
            Right(("get", "create", "patch"), GROUP, "usages"),
            Right(("get", "create", "patch"), GROUP, "clusterusages"),
            Right(("get", "create", "patch"), _LEGACY_GROUP, "usages", unless=_INSTEAD),
            Right(("get", "list"), "*", "*"),
            changing.EVENTS,
        ),
    ),
    Tool(
        "list_usages",
        "List usages",
        "What is protected from deletion, by what and why.",
        list_usages,
        (NAMESPACE, *_OF, *_BY, LABELS, LIMIT, CONTEXT),
        rights=(
            Right(("list",), GROUP, "usages"),
            Right(("list",), GROUP, "clusterusages"),
            Right(("list",), _LEGACY_GROUP, "usages"),
        ),
    ),
    Tool(
        "get_usage",
        "Get a usage",
        "One usage: what it protects, for whom, whether a deletion was tried.",
        get_usage,
        (Parameter("name", "Its name.", required=True), Parameter("namespace", "None for a ClusterUsage."), CONTEXT),
        rights=(
            Right(("get",), GROUP, "usages"),
            Right(("get",), GROUP, "clusterusages"),
            Right(("get",), _LEGACY_GROUP, "usages", unless=_INSTEAD),
            _ANY,
            changing.EVENTS,
        ),
    ),
)

CHANGES: tuple[Tool, ...] = ()
