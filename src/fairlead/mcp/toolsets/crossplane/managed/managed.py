"""Managed resources: what stands for something outside the cluster."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.crossplane import references
from fairlead.crossplane.judging import judge
from fairlead.crossplane.managed import inventory, managing, providing
from fairlead.crossplane.managed.inventory import Inventory, Row, Wish
from fairlead.crossplane.understanding import steps, telling
from fairlead.crossplane.understanding.steps import Next
from fairlead.machinery import conditions, encoding, redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, LABELS, LIMIT, NAMESPACE
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.managed import managedchanges
from fairlead.mcp.toolsets.crossplane.managed.managedkinds import (
    EVENTS,
    OF_PROVIDER,
    ONE,
    UPKEEP,
    kind_of,
    rights,
    upkeep,
)
from fairlead.resources import cleaning, tabulating
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader
from fairlead.resources.tabulating import Rows

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_MOST_CHARACTERS = 18_000
_MOST_CAUSES = 8


async def list_managed_resources(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    wish = Wish(
        *(arguments.get(each, "") for each in ("state", "owner", "external_name", "namespace", "label_selector"))
    )
    found = await inventory.inventory(reader, await _kinds(call, reader, arguments), wish)
    shown = found.rows[: arguments["limit"]]
    text = tabulating.render(_table(shown)) if shown else "none"
    narrow = "narrow with kind, provider, owner or state, or lower limit"
    told = fencing.capped("\n".join([text, *_causes(found)]), _MOST_CHARACTERS, narrow)
    return Answer("\n".join([fencing.fenced(redacting.text(told), "managed resources"), *_summary(found, len(shown))]))


async def _kinds(call: Call, reader: Reader, arguments: Arguments) -> list[Kind]:
    """All that are called so: a provider of Crossplane 2 has most of its kinds twice, in groups of their own."""
    wanted = str(arguments.get("kind") or "").lower()
    managed = [each for each in (await reader.kinds(anew=True)).category("managed") if each.can("list")]
    if wanted:
        return [each for each in managed if wanted in each.names] or [await kind_of(call, reader, arguments)]
    if not arguments.get("provider"):
        return managed
    try:
        return await inventory.kinds_of(reader, arguments["provider"])
    except FairleadError as error:
        raise answering.refused(error) from error


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
    return [*lines, *(redacting.text(fencing.plain(each)) for each in telling.kinds_not_read(found.unread))]


async def get_managed_resource(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    kind = await kind_of(call, reader, arguments)
    try:
        obj = await reader.one(kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    shown = cleaning.cleaned(obj)
    upkept, _ = await upkeep(reader, kind, obj)
    lines = [
        changing.summary(obj, kind.api.categories),
        *_conditions(obj),
        f"external name: {managing.external_name(obj) or 'none yet'}",
        *await _owners(reader, obj),
        f"policies: {managing.policy_words(obj)}",
        *upkept,
        *([managing.creation_words(obj)] if managing.creation(obj).pending else []),
        *(["nobody knows whether it was created"] if managing.creation(obj).is_unknown else []),
        *(f"differs outside: {each}" for each in managing.differences(shown)),
        *await changing.warnings(reader, obj),
    ]
    told = redacting.text("\n".join([*lines, "", encoding.to_yaml(_told_apart(shown))]))
    narrow = "the rest is what the provider reports"
    capped = fencing.capped(told, _MOST_CHARACTERS, narrow)
    text = fencing.fenced(capped, f"{kind.api.kind} {arguments['name']}")
    step = _next(obj, kind).of(call.offers)
    return Answer(f"{text}\nnext: {step}" if step else text)


def _next(obj: Object, kind: Kind) -> Next:
    """Nothing for what is well."""
    reference = references.of(obj)
    if managing.creation(obj).is_unknown:
        return steps.clear_pending(reference)
    if judge(obj, kind.api.categories).is_trouble:
        return steps.diagnose(reference)
    return Next((), "")


def _conditions(obj: Object) -> list[str]:
    return [
        f"{each.get('type')} {each.get('status')}: "
        + ": ".join(str(each[key]) for key in ("reason", "message") if each.get(key))
        for each in conditions.conditions(obj)
    ]


def _told_apart(obj: Object) -> Object:
    """Without conditions, which are told above it, and without who manages which field of the thing outside."""
    status = {key: value for key, value in (obj.get("status") or {}).items() if key != "conditions"}
    found: Object = _unmanaged({key: value for key, value in obj.items() if key != "status"} | {"status": status})
    return found


def _unmanaged(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _unmanaged(each) for key, each in value.items() if key != "managedFields"}
    return [_unmanaged(each) for each in value] if isinstance(value, list) else value


async def _owners(reader: Reader, obj: Object) -> list[str]:
    found = await providing.owners(reader, obj)
    if not found:
        return (
            [f"belongs to {managing.owner(obj)}"] if managing.owner(obj) else ["stands by itself: nothing composes it"]
        )
    return [
        f"belongs to {reference}: {': '.join(each for each in (health.state.value, health.reason) if each)}"
        for reference, health in found
    ]


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
        rights=(*rights("list"), *OF_PROVIDER),
    ),
    Tool(
        "get_managed_resource",
        "Get a managed resource",
        "One cloud resource: state, external name, whose it is, policies, provider config, drift from what is wanted.",
        get_managed_resource,
        (*ONE, CONTEXT),
        rights=(*rights("get"), Right(("get",), "*", "*", ("composite", "claim")), *UPKEEP, EVENTS),
    ),
    *managedchanges.TOOLS,
)
