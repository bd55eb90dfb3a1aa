"""What tools for managed resources share: their kinds, found by name, and refusals that say what else it is."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import packages, providerconfigs
from fairlead.crossplane.judging import Health, State, judge
from fairlead.crossplane.managed import activation, providing
from fairlead.crossplane.references import Reference
from fairlead.crossplane.understanding import steps
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Right, ToolError
from fairlead.mcp.toolsets.core.vocabulary import ITS_NAMESPACE, NAME
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
KIND = Parameter("kind", "E.g. buckets.s3.aws.upbound.io.", required=True)
ONE = (KIND, NAME, ITS_NAMESPACE)


def rights(*verbs: str) -> tuple[Right, ...]:
    """On managed resources, and to find the definition of a kind that is not active."""
    return Right(verbs, "*", "*", ("managed",)), Right(("list",), activation.GROUP, "managedresourcedefinitions")


UPKEEP = (
    Right(("get",), "*", "*", ("providerconfig",)),
    Right(("get",), "apiextensions.k8s.io", "customresourcedefinitions"),
    Right(("get",), activation.GROUP, "managedresourcedefinitions"),
    Right(("get",), packages.GROUP, "providerrevisions"),
    Right(("get",), packages.GROUP, "providers"),
)
EVENTS = Right(("list",), "", "events")
OF_PROVIDER = (Right(("get",), packages.GROUP, "providers"), Right(("list",), packages.GROUP, "providerrevisions"))
"""To know its kinds by its name."""


async def kind_of(call: Call, reader: Reader, arguments: Arguments) -> Kind:
    """Raises `ToolError` for what is no managed resource, with the tool that is for it."""
    named = arguments["kind"]
    if called := await _called(reader, named, bool(arguments.get("namespace"))):
        return called
    try:
        kind = await reader.kind(named)
    except UnknownKindError as error:
        raise await _unserved(call, reader, named, error) from error
    if "managed" not in kind.api.categories:
        place = (str(arguments.get(each) or "") for each in ("name", "namespace"))
        found = Reference(kind.api_version, kind.api.kind, *place)
        meant = (
            steps.provider_config(found)
            if providerconfigs.is_config(kind)
            else steps.look_at(found, kind.api.categories)
        )
        instead = meant.of(call.offers) if arguments.get("name") else None
        raise ToolError(f"{kind.resource.qualified} are no managed resources", "", f"see {instead}" if instead else "")
    return kind


async def _called(reader: Reader, named: str, namespaced: bool) -> Kind | None:
    """The managed kind of that name alone; of several, as a provider of Crossplane 2 has, the one of that scope.

    A platform may call its own kinds like those of a provider. Raises `ToolError` where it may be any of several.
    """
    found = [each for each in (await reader.kinds()).category("managed") if named.strip().lower() in each.names]
    fitting = [each for each in found if each.resource.namespaced is namespaced] or found
    if len(fitting) > 1:
        there = ", ".join(each.resource.qualified for each in fitting)
        raise ToolError(f"{len(fitting)} kinds of managed resources are called {named}", "", f"there are: {there}")
    return fitting[0] if fitting else None


async def _unserved(call: Call, reader: Reader, named: str, error: UnknownKindError) -> ToolError:
    """A provider's kind is not served until its definition is active."""
    try:
        definitions = await activation.definitions(reader)
    except activation.NoDefinitionsError:
        definitions = []
    except FairleadError as unread:
        return ToolError(error.what, f"whether it only is not active could not be read: {unread}", error.remedy)
    for each in definitions:
        name = activation.name_of(each)
        if name in activation.named([each], [named]) and not activation.is_active(each):
            step = steps.activate_definition(name).of(call.offers)
            return ToolError(f"{name} is not active, so there are none", "", str(step or "activate it"))
    return ToolError(error.what, error.why, error.remedy)


async def upkeep(reader: Reader, kind: Kind, obj: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Lines about its provider and its provider config; and of these the ones that keep anything from being done."""
    lines, troubles = list[str](), list[str]()
    try:
        provider = await providing.provider_of(reader, kind)
    except FairleadError as error:
        lines.append(f"its provider could not be read: {error}")
    else:
        health = judge(provider) if provider else Health(State.UNKNOWN)
        name = f"Provider/{provider['metadata']['name']}" if provider else "no provider's package has brought its kind"
        said = ": ".join(each for each in (health.state.value, health.reason, health.message) if each)
        lines.append(f"looked after by {name}: {said}" if provider else name)
        troubles += [] if provider and health.state is State.HEALTHY else lines[-1:]
    used = await providerconfigs.used(reader, kind, obj)
    if used is not None:
        lines.append(f"provider config {used}")
        troubles += lines[-1:] if used.obj is None and not used.gap else []
    return lines, troubles
