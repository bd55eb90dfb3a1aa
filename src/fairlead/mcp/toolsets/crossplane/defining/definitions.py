"""XRDs: the platform's own APIs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.crossplane import building, sweeping
from fairlead.crossplane.defining import describing, pinning
from fairlead.crossplane.judging import judge
from fairlead.crossplane.understanding import radius
from fairlead.crossplane.upkeep import retiring
from fairlead.crossplane.xrds import GROUP, KIND, DefinitionError, plural_of, read, scope
from fairlead.machinery import patches, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, LIMIT, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Query, Reader

Object = dict[str, Any]
_V1 = f"{GROUP}/v1"
_RESOURCE = "compositeresourcedefinitions"
_SPEC = Parameter("spec_schema", "YAML: properties, required of `spec`.")
_STATUS = Parameter("status_schema", "The same of `status`.")


async def _has_v2(reader: Reader) -> bool:
    try:
        await reader.kind(KIND, f"{GROUP}/v2")
    except UnknownKindError:
        return False
    return True


async def create_xrd(call: Call, arguments: Mapping[str, Any]) -> Plan:
    from fairlead.crossplane.defining import (
        authoring,  # it brings the rules of schemas, a tenth of all that a start imports
    )

    reader = changing.reader(call, arguments)
    try:
        spec_schema, status_schema = _schemas(arguments)
        manifest = building.xrd(
            arguments["group"],
            arguments["kind"],
            arguments.get("plural") or plural_of(arguments["kind"]),
            spec_schema or {},
            version=arguments["version"],
            status_schema=status_schema,
            scope=arguments.get("scope", ""),
            claim=arguments.get("claim_kind", ""),
            default_composition=arguments.get("default_composition", ""),
            more=changing.structure(arguments, "spec"),
            has_v2=await _has_v2(reader),
        )
        authoring.check(manifest)
    except (building.BuildError, DefinitionError) as error:
        raise ToolError(str(error)) from error
    notes = [await _clash(reader, manifest), *authoring.overwritten(manifest)]
    offered = manifest["spec"].get("claimNames") or manifest["spec"]["names"]
    then = f"offers {offered['kind']}; describe_xrd_schema kind={offered['plural']}.{arguments['group']} has an example"
    return await changing.created(call, arguments, manifest, *notes, then, update="update_xrd")


def _schemas(arguments: Mapping[str, Any]) -> tuple[Object | None, Object | None]:
    """Of spec and status. Raises `BuildError` and `ToolError`."""
    from fairlead.crossplane.defining import authoring

    spec, status = (changing.structure(arguments, f"{each}_schema") for each in ("spec", "status"))
    authoring.check_given(spec, "spec")
    authoring.check_given(status, "status")
    return spec, status


async def _clash(reader: Reader, manifest: Object) -> str:
    """Crossplane does not take over a CRD that somebody else has made."""
    name = manifest["metadata"]["name"]
    try:
        (await reader.kinds()).find(name)
        kind = (await reader.kinds(anew=True)).find(name)
        await reader.one(await reader.kind(KIND, _V1), name)
    except UnknownKindError:
        return ""
    except statuses.NotFound:
        return f"{kind.resource.qualified} is served already, by no XRD: Crossplane takes over nobody else's CRD"
    except FairleadError as error:
        return f"whether somebody else has made {name} could not be read: {error}"
    return ""


async def update_xrd(call: Call, arguments: Mapping[str, Any]) -> Plan:
    """Through the version by which it was made: one with claims is none of v2's."""
    from fairlead.crossplane.defining import (
        authoring,  # it brings the rules of schemas, a tenth of all that a start imports
    )

    reader = changing.reader(call, arguments)
    kind = await reader.kind(KIND, _V1)
    try:
        found = await reader.one(kind, arguments["name"])
        patch = _patch(arguments, found)
        after = patches.merge_patch(found, patch)
        authoring.check(after)
    except ToolError:
        raise
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    if not patch:
        raise ToolError(
            "nothing to change was given", "", "give spec_schema, status_schema, referenceable, set or unset"
        )
    notes = [*authoring.said(found, after), *authoring.unkept(found, after), *authoring.overwritten(after)]
    notes += [*await _stored(reader, found, after), *await _chosen(reader, found, after)]
    if found["spec"]["versions"] != after["spec"]["versions"]:
        notes += await authoring.outlook(reader, found, after)
    lives = await radius.radius(reader, found)
    counted = ", ".join(f"{count} {name}" for name, count in lives.counts)
    has_to_fit = lives.total and "versions" in patch.get("spec", {})
    remarks = [f"live objects that have to fit it: {counted}"] if has_to_fit else []
    return await changing.patched(call, arguments, kind, patch, *notes, remarks=remarks)


def _patch(arguments: Mapping[str, Any], found: Object) -> Object:
    """Raises `BuildError`, `DefinitionError` and `ToolError`."""
    spec, status = _schemas(arguments)
    patch: Object = {}
    if spec is not None or status is not None or arguments.get("referenceable"):
        version = arguments.get("version") or describing.version(found)["name"]
        moves = bool(arguments.get("referenceable"))
        patch = {"spec": {"versions": building.with_version(found, version, spec, status, moves)}}
    if arguments.get("default_composition"):
        patch.setdefault("spec", {})["defaultCompositionRef"] = {"name": arguments["default_composition"]}
    more = changing.fields(arguments, patches.merge_patch(found, patch))
    return {key: {**patch.get(key, {}), **more.get(key, {})} for key in sorted(patch.keys() | more.keys())}


async def _stored(reader: Reader, found: Object, after: Object) -> list[str]:
    """What moves with the referenceable version. Raises `ToolError` where objects are stored in one that goes."""
    old = next((each["name"] for each in found["spec"]["versions"] if each.get("referenceable")), "")
    new = describing.version(after)["name"]
    gone = {each["name"] for each in found["spec"]["versions"]} - {each["name"] for each in after["spec"]["versions"]}
    if gone:
        crds = await reader.kind("CustomResourceDefinition", "apiextensions.k8s.io/v1")
        crd = await reader.one(crds, found["metadata"]["name"])
        if kept := sorted(gone & set((crd.get("status") or {}).get("storedVersions") or ())):
            why = "the API server refuses a CRD without a version that it has stored objects in"
            raise ToolError(f"{', '.join(kept)} cannot go yet", why, "set its served to false instead")
    if old in ("", new):
        return []
    target = {"apiVersion": f"{found['spec']['group']}/{old}", "kind": found["spec"]["names"]["kind"]}
    names = [
        each["metadata"]["name"]
        for each in await reader.every("Composition", _V1)
        if each["spec"].get("compositeTypeRef") == target
    ]
    moves = f"a composition names the referenceable version for good: make those of {old} anew for {new}"
    return [f"{moves}: {', '.join(names)}" if names else moves, *_left_behind(found, old, new)]


async def _chosen(reader: Reader, found: Object, after: Object) -> list[str]:
    """What is wrong with a composition that is newly the default or enforced; it may be made later."""
    refs = ((each, after["spec"].get(each) or {}) for each in ("defaultCompositionRef", "enforcedCompositionRef"))
    new = [str(ref.get("name")) for key, ref in refs if ref and ref != found["spec"].get(key)]
    lines = []
    for name in new:
        try:
            await pinning.check(reader, name, read(after))
        except FairleadError as error:
            lines.append(f"{error}: composites that choose none fail until then")
    if (enforced := read(after).enforced) and enforced != read(found).enforced:
        lines.append(f"all composites go over to {enforced} at once, those that have chosen another too")
    return lines


def _left_behind(xrd: Object, old: str, new: str) -> list[str]:
    """Crossplane compares a composite's reference back to its claim, its version included (seen on 2.3)."""
    if not xrd["spec"].get("claimNames"):
        return []
    what = f"claims that were bound under {old} are neither reconciled nor deleted from then on"
    return [f"{what}, until spec.claimRef.apiVersion of their composites is {xrd['spec']['group']}/{new}"]


async def delete_xrd(call: Call, arguments: Mapping[str, Any]) -> Plan:
    kind = await changing.reader(call, arguments).kind(KIND, _V1)
    return await changing.deleted(call, arguments, kind, first=retiring.claims)


async def list_xrds(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = changing.reader(call, arguments)
    swept = await sweeping.sweep(reader, [await reader.kind(KIND, _V1)], _row, Query())
    found = [each for one in swept for each in one.taken]
    return showing.table(_COLUMNS, found[: arguments["limit"]], "XRDs", len(found), sweeping.gaps(swept))


_COLUMNS = ("NAME", "KIND", "CLAIM", "SCOPE", "VERSIONS", "COMPOSITION", "STATE")


def _row(_: Kind, xrd: Mapping[str, Any]) -> tuple[str, ...]:
    """Versions as they are served, the referenceable one first; a composition that is the default or enforced."""
    spec, health = xrd["spec"], judge(xrd)
    versions = sorted(spec["versions"], key=lambda each: not each.get("referenceable"))
    marks = ((each["name"], "" if each.get("served") else " (not served)") for each in versions)
    ruled = spec.get("enforcedCompositionRef") or spec.get("defaultCompositionRef") or {}
    state = ": ".join(each for each in (health.state.value, health.message and health.reason) if each)
    names = (spec["names"]["kind"], (spec.get("claimNames") or {}).get("kind", ""), scope(xrd))
    told = ", ".join(name + mark for name, mark in marks)
    return xrd["metadata"]["name"], *names, told, str(ruled.get("name") or ""), state


async def get_xrd(call: Call, arguments: Mapping[str, Any]) -> Answer:
    """By its name, or a kind that it makes."""
    reader = changing.reader(call, arguments)
    kind = await reader.kind(KIND, _V1)
    try:
        found = describing.find((await reader.client.list(kind.resource)).items, arguments["name"])
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    return await showing.gets(KIND, _V1, _about)(call, {**arguments, "name": found["metadata"]["name"]})


async def _about(reader: Reader, xrd: Object) -> list[str]:
    """Who composes it, and what lives by it."""
    kinds = {
        (f"{xrd['spec']['group']}/{each['name']}", xrd["spec"]["names"]["kind"]) for each in xrd["spec"]["versions"]
    }
    names = [
        each["metadata"]["name"]
        for each in await reader.every("Composition", _V1)
        if tuple(each["spec"]["compositeTypeRef"].get(key) for key in ("apiVersion", "kind")) in kinds
    ]
    lives = await radius.radius(reader, xrd)
    counts = ", ".join(f"{count} {name}" for name, count in lives.counts) or "nothing yet"
    lines = [f"compositions: {', '.join(names) or 'none'}", f"lives by it: {counts}"]
    return [*lines, *(f"not read: {each}" for each in lives.unread)]


TOOLS = (
    Tool(
        "create_xrd",
        "Create an XRD",
        "Define a custom platform API with its parameters: an XRD (CompositeResourceDefinition). With claim_kind it "
        "offers claims, else composites are namespaced.",
        plan=create_xrd,
        parameters=(
            Parameter("group", "E.g. platform.example.org.", required=True),
            Parameter("kind", "E.g. XDatabase.", required=True),
            Parameter("plural", "Lower case."),
            Parameter("version", "Its first.", default="v1alpha1"),
            _SPEC,
            _STATUS,
            Parameter("scope", "Without claims.", choices=("Namespaced", "Cluster")),
            Parameter("claim_kind", "E.g. Database."),
            Parameter("default_composition", "Its name."),
            Parameter("spec", "YAML of more, e.g. enforcedCompositionRef."),
            changing.WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(Right(("get", "create", "patch"), GROUP, _RESOURCE), changing.EVENTS),
    ),
    Tool(
        "list_xrds",
        "List XRDs",
        "All XRDs (CompositeResourceDefinitions), the platform APIs that are installed: are they established.",
        list_xrds,
        (LIMIT, CONTEXT),
        rights=(Right(("list",), GROUP, _RESOURCE),),
    ),
    showing.get_tool(
        "get_xrd",
        "Get an XRD",
        "Show one XRD (CompositeResourceDefinition) of a platform API: configuration, why its CRD is not there, users.",
        get_xrd,
        (Right(("get", "list"), GROUP, _RESOURCE), Right(("list",), GROUP, "compositions"), changing.LIVES),
    ),
    Tool(
        "update_xrd",
        "Update an XRD",
        "Change an XRD (CompositeResourceDefinition): add a field or validation rule, add or deprecate a version, set "
        "the default composition or update policy.",
        plan=update_xrd,
        parameters=(
            NAME,
            Parameter("version", "The referenceable one by default; a new name adds one."),
            _SPEC,
            _STATUS,
            Parameter("referenceable", "Make it the version that compositions name.", type="boolean"),
            Parameter("default_composition", "Its name."),
            replace(changing.SET, description="path=value, e.g. spec.versions[0].served=false."),
            changing.UNSET,
            changing.SHORT_WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(
            Right(("get", "patch"), GROUP, _RESOURCE),
            Right(("list",), GROUP, "compositions"),
            Right(("get",), "apiextensions.k8s.io", "customresourcedefinitions"),
            changing.LIVES,
            changing.EVENTS,
        ),
    ),
    Tool(
        "delete_xrd",
        "Delete an XRD",
        "Remove an XRD (CompositeResourceDefinition): a platform API with every claim and composite of it.",
        plan=delete_xrd,
        parameters=(NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(
            Right(("get", "delete"), GROUP, _RESOURCE),
            changing.LIVES,
            Right(("delete",), "*", "*", ("claim",)),
        ),
    ),
)
