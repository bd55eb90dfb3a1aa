"""Managed resources: what stands for something outside the cluster."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.crossplane import inventory, managing, telling
from fairlead.crossplane.inventory import Inventory, Row, Wish
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import (
    API_VERSION,
    CONTEXT,
    DRY_RUN,
    ITS_NAMESPACE,
    LABELS,
    LIMIT,
    NAME,
    NAMESPACE,
)
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.resources import patching, tabulating
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader
from fairlead.resources.tabulating import Rows

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_MOST_CHARACTERS = 18_000
_MOST_CAUSES = 8
_MRDS = ("ManagedResourceDefinition", "apiextensions.crossplane.io/v1alpha1")
_OTHERS = {"claim": "get_composite", "composite": "get_composite"}


async def kind_of(reader: Reader, arguments: Arguments) -> Kind:
    """Raises `ToolError` for what is no managed resource, with what else it is."""
    named = arguments["kind"]
    try:
        kind = await reader.kind(named, arguments.get("api_version", ""))
    except UnknownKindError as error:
        raise await _unserved(reader, named, error) from error
    if "managed" not in kind.api.categories:
        tool = next((_OTHERS[each] for each in kind.api.categories if each in _OTHERS), "trace_resource")
        raise ToolError(f"{kind.resource.qualified} are no managed resources", "", f"see {tool}")
    return kind


async def _unserved(reader: Reader, named: str, error: UnknownKindError) -> ToolError:
    """A provider's kind is not served until its definition is active."""
    try:
        definitions = await reader.every(*_MRDS)
    except FairleadError:
        definitions = []
    called = named.lower()
    for each in definitions:
        spec = each.get("spec") or {}
        names = {str((spec.get("names") or {}).get(key)).lower() for key in ("kind", "plural", "singular")}
        if called in (*names, each["metadata"]["name"]) and spec.get("state") != "Active":
            name = each["metadata"]["name"]
            return ToolError(
                f"{name} is not active, so nothing can be made", "", f"activate_managed_resources names={name}"
            )
    return ToolError(error.what, error.why, error.remedy)


async def list_managed_resources(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    wish = Wish(
        *(arguments.get(each, "") for each in ("state", "owner", "external_name", "namespace", "label_selector"))
    )
    found = await inventory.inventory(reader, await _kinds(reader, arguments), wish)
    shown = found.rows[: arguments["limit"]]
    text = tabulating.render(_table(shown)) if shown else "none"
    narrow = "narrow with kind, provider, owner or state, or lower limit"
    told = fencing.capped("\n".join([text, *_causes(found)]), _MOST_CHARACTERS, narrow)
    return Answer("\n".join([fencing.fenced(redacting.text(told), "managed resources"), *_summary(found, len(shown))]))


async def _kinds(reader: Reader, arguments: Arguments) -> list[Kind]:
    if arguments.get("kind"):
        return [await kind_of(reader, arguments)]
    try:
        if arguments.get("provider"):
            return await inventory.kinds_of(reader, arguments["provider"])
    except FairleadError as error:
        raise answering.refused(error) from error
    return [each for each in (await reader.kinds(anew=True)).category("managed") if each.can("list")]


def _table(rows: Sequence[Row]) -> Rows:
    """A kind by its name alone where no other is called so."""
    called = Counter(kind.api.kind for kind in {each.kind.resource.qualified: each.kind for each in rows}.values())
    cells = tuple(
        (
            each.kind.api.kind if called[each.kind.api.kind] == 1 else each.kind.resource.qualified,
            each.reference.namespace,
            each.reference.name,
            ": ".join(word for word in (each.health.state.value, each.health.reason) if word),
            each.external_name if each.external_name != each.reference.name else "",
            each.owner,
        )
        for each in rows
    )
    return Rows(("KIND", "NAMESPACE", "NAME", "STATE", "EXTERNAL-NAME", "OWNER"), cells)


def _causes(found: Inventory) -> list[str]:
    if not found.troubles.findings:
        return []
    return ["", *list(telling.survey(found.troubles, most=_MOST_CAUSES))[:-1]]


def _summary(found: Inventory, shown: int) -> list[str]:
    total = len(found.rows)
    count = f"{total} in all" if shown == total else f"{shown} of {total}; raise limit, or narrow"
    lines = [f"{count}{f': {found.counts}' if total else ''} (of {found.objects} in {found.kinds} kinds)"]
    return [*lines, *(redacting.text(fencing.plain(f"not read: {each}")) for each in found.unread)]


async def clear_create_pending(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(reader, arguments)
    name, namespace = arguments["name"], arguments.get("namespace", "")
    wanted: Object = {managing.PENDING: None}
    if arguments.get("external_name"):
        wanted[managing.EXTERNAL_NAME] = arguments["external_name"]
    try:
        change = await patching.planned(reader, kind, name, namespace, {"metadata": {"annotations": wanted}})
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    before = change.before or {}
    creation = managing.creation(before)
    if not creation.is_unknown:
        why = f"pending {creation.pending or 'never'}, succeeded {creation.succeeded or 'never'}, "
        why += f"failed {creation.failed or 'never'}"
        raise ToolError(f"the creation of {change.subject} is not pending", why, "diagnose_resource says what ails it")
    change = replace(change, notes=(*change.notes, *_doubt(before, arguments.get("external_name", ""))))
    return changing.settling(reader, [change], arguments)


def _doubt(obj: Object, given: str) -> list[str]:
    """What somebody has to know who says that it may be created once more."""
    creation, name = managing.creation(obj), managing.external_name(obj)
    lines = [
        f"began to create it {creation.pending}; last succeeded {creation.succeeded or 'never'}, "
        f"failed {creation.failed or 'never'}",
        f"external name: {name or 'none'}",
    ]
    if given:
        return [*lines, f"the provider will look for {given}, and create it if it is not there"]
    risk = "look outside first: if it was created under a name that the provider had made up, it is created once more"
    return [*lines, risk, "and the first is left behind; give external_name to take it over instead"]


_KIND = Parameter("kind", "E.g. bucket, buckets.s3.aws.upbound.io.", required=True)
_ONE = (_KIND, NAME, ITS_NAMESPACE, API_VERSION)
_MANAGED = ("managed",)
_READ = Right(("get", "list"), "*", "*", _MANAGED)
TOOLS: tuple[Tool, ...] = (
    Tool(
        "list_managed_resources",
        "List managed resources",
        "The cloud resources that Crossplane manages, of all kinds: filtered by state, provider, owner, external name.",
        list_managed_resources,
        (
            Parameter("kind", "All by default."),
            Parameter("provider", "Its name, or an API group."),
            NAMESPACE,
            Parameter("owner", "Name of a claim or composite."),
            Parameter("external_name", "In the cloud."),
            Parameter("state", "Only these.", choices=inventory.STATES),
            LABELS,
            LIMIT,
            CONTEXT,
        ),
        rights=(
            Right(("list",), "*", "*", _MANAGED),
            Right(("get",), "pkg.crossplane.io", "providers"),
            Right(("list",), "pkg.crossplane.io", "providerrevisions"),
        ),
    ),
    Tool(
        "clear_create_pending",
        "Clear a pending creation",
        "Let a provider go on that stopped at `cannot determine creation result` (external-create-pending).",
        plan=clear_create_pending,
        parameters=(
            *_ONE,
            Parameter("external_name", "Of what was created, to take it over."),
            changing.WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch"), "*", "*", _MANAGED),),
    ),
)
