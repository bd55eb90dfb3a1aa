"""Provider configs: with which credentials a provider works."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import providerconfigs as facts
from fairlead.crossplane import sweeping
from fairlead.crossplane.managed import inventory
from fairlead.crossplane.understanding import telling
from fairlead.machinery import encoding, redacting, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, ITS_NAMESPACE, LIMIT, NAME, NAMESPACE
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.managed.managedkinds import EVENTS, OF_PROVIDER
from fairlead.resources import cleaning, patching, tabulating
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Query, Reader
from fairlead.resources.tabulating import Rows

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_MOST_CHARACTERS = 18_000


async def _kind(reader: Reader, arguments: Arguments) -> Kind:
    """Most providers call theirs the same, so a name that fits several of one scope is refused with all of them."""
    named = arguments["kind"].strip().lower()
    served = facts.kinds(await reader.kinds(anew=True))
    found = [each for each in served if named == each.resource.qualified or _qualified(each) == named]
    found = found or [each for each in served if named in each.names or named == each.resource.group]
    fitting = [each for each in found if each.resource.namespaced is bool(arguments.get("namespace"))]
    if len(found) == 1 or len(fitting) == 1:
        return (fitting or found)[0]
    there = ", ".join(each.resource.qualified for each in found or served) or "none: no provider has brought one"
    what = f"{len(found)} kinds of provider config are called {named}" if found else f"no provider config is a {named}"
    raise ToolError(what, "", f"there are: {there}")


def _qualified(kind: Kind) -> str:
    return f"{kind.api.kind}.{kind.resource.group}".lower()


async def list_provider_configs(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    served = facts.kinds(await reader.kinds(anew=True))
    if arguments.get("provider"):
        groups = {each.resource.group for each in await _managed(reader, arguments["provider"])}
        served = [each for each in served if any(f".{group}".endswith(f".{each.resource.group}") for group in groups)]
    query = Query(arguments.get("namespace", ""))
    found = await sweeping.sweep(reader, served, _row, query)
    rows = [row for each in found for row in each.taken]
    shown = Rows(("KIND", "NAMESPACE", "NAME", "CREDENTIALS", "USERS", "STATE"), tuple(rows[: arguments["limit"]]))
    text = tabulating.render(shown) if rows else "none"
    more = f"; {arguments['limit']} shown, raise limit" if len(rows) > arguments["limit"] else ""
    lines = [
        f"{len(rows)} in all, of {len(served)} kinds{more}",
        *telling.kinds_not_read(sweeping.gaps(found)),
    ]
    told = answering.fenced(redacting.text(text), "provider configs", "narrow with provider or namespace")
    return Answer("\n".join([told, *(redacting.text(fencing.plain(each)) for each in lines)]))


async def _managed(reader: Reader, provider: str) -> list[Kind]:
    try:
        return await inventory.kinds_of(reader, provider)
    except FairleadError as error:
        raise answering.refused(error) from error


def _row(kind: Kind, obj: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = obj["metadata"]
    state = "being deleted" if metadata.get("deletionTimestamp") else ""
    place = (kind.resource.qualified, str(metadata.get("namespace") or ""), str(metadata["name"]))
    return (*place, facts.source(obj), str(facts.users(obj)), state)


async def get_provider_config(call: Call, arguments: Arguments) -> Answer:
    reader = changing.reader(call, arguments)
    kind = await _kind(reader, arguments)
    try:
        obj = await reader.one(kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    secrets = [await facts.secret_words(reader, each) for each in facts.secrets(obj)]
    lines = [
        f"credentials: {facts.source(obj) or 'its spec does not say from where'}",
        *secrets,
        *await _users(reader, kind, obj),
        *await changing.warnings(reader, obj),
    ]
    told = redacting.text("\n".join([*lines, "", encoding.to_yaml(cleaning.cleaned(obj))]))
    capped = fencing.capped(told, _MOST_CHARACTERS, "the rest is its spec")
    return Answer(fencing.fenced(capped, f"{kind.api.kind} {arguments['name']}"))


async def _users(reader: Reader, kind: Kind, obj: Mapping[str, Any]) -> list[str]:
    counted = facts.users(obj)
    try:
        found = await facts.usages(reader, kind, obj)
    except FairleadError as error:
        return [f"{counted} managed resources use it; which ones could not be read: {error}"]
    named = changing.some([str(each) for each in found])
    said = f"; its provider has counted {counted}" if counted != len(found) else ""
    return [f"used by {len(found)} managed resources{said}{f': {named}' if named else ''}"]


async def set_provider_config(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await _kind(reader, arguments)
    name, namespace = arguments["name"], arguments.get("namespace", "")
    spec = changing.structure(arguments, "spec")
    wanted = {"apiVersion": kind.api_version, "kind": kind.api.kind, "metadata": {"name": name}, "spec": spec}
    wanted["metadata"] |= {"namespace": namespace} if kind.resource.namespaced else {}
    lacking = await _lacking(reader, wanted)
    try:
        before = await reader.one(kind, name, namespace)
    except statuses.NotFound:
        return await changing.created(call, arguments, wanted, *lacking)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    concerned = f"{facts.users(before)} managed resources use it, and work with what it then says"
    try:
        change = await patching.planned(reader, kind, name, namespace, {"spec": spec}, notes=(concerned, *lacking))
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return planned.plan([change])


async def _lacking(reader: Reader, wanted: Mapping[str, Any]) -> list[str]:
    """Secrets that it names and that are known not to be there."""
    told = [await facts.secret_words(reader, each) for each in facts.secrets(wanted)]
    return [each for each in told if each.endswith("does not exist")]


async def delete_provider_config(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await _kind(reader, arguments)
    try:
        obj = await reader.one(kind, arguments["name"], arguments.get("namespace", ""))
        used = await facts.usages(reader, kind, obj)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    named = changing.some([str(each) for each in used])
    stays = f"{len(used)} managed resources use it, so it stays until they are gone, and nothing new can: {named}"
    return await changing.deleted(call, arguments, kind, redacting.text(fencing.plain(stays)) if used else "")


_KIND = Parameter("kind", "E.g. providerconfigs.aws.upbound.io, or the API group.", required=True)
_CONFIGS = ("providerconfig",)
_READ = Right(("get",), "*", "*", _CONFIGS)
_USAGES = Right(("list",), "*", "*", ("providerconfigusage",))
TOOLS: tuple[Tool, ...] = (
    Tool(
        "list_provider_configs",
        "List provider configs",
        "The provider configs of all providers: where their credentials come from, how many resources use each.",
        list_provider_configs,
        (Parameter("provider", "Its name, or an API group."), NAMESPACE, LIMIT, CONTEXT),
        rights=(Right(("list",), "*", "*", _CONFIGS), *OF_PROVIDER),
    ),
    Tool(
        "get_provider_config",
        "Get a provider config",
        "Show one provider config: source of its credentials, whether their secret exists, how many resources use it.",
        get_provider_config,
        (_KIND, NAME, ITS_NAMESPACE, CONTEXT),
        rights=(_READ, _USAGES, EVENTS),
    ),
    Tool(
        "set_provider_config",
        "Set a provider config",
        "Make a ProviderConfig, or point one at another secret: the credentials of a provider.",
        plan=set_provider_config,
        parameters=(
            _KIND,
            NAME,
            ITS_NAMESPACE,
            Parameter("spec", "YAML, e.g. credentials: {source: Secret, secretRef: …}.", required=True),
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "create", "patch"), "*", "*", _CONFIGS),),
    ),
    Tool(
        "delete_provider_config",
        "Delete a provider config",
        "Delete a provider's credentials; shows first which managed resources still use them.",
        plan=delete_provider_config,
        parameters=(_KIND, NAME, ITS_NAMESPACE, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(Right(("get", "delete"), "*", "*", _CONFIGS), _USAGES),
    ),
)
