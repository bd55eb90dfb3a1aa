"""What tools for managed resources share: their kinds, found by name, and refusals that say what else it is."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import activation, configs, packages, providing
from fairlead.crossplane.judging import Health, State, judge
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.tools import Parameter, Right, ToolError
from fairlead.mcp.toolsets.core.vocabulary import ITS_NAMESPACE, NAME
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
KIND = Parameter("kind", "E.g. buckets.s3.aws.upbound.io.", required=True)
ONE = (KIND, NAME, ITS_NAMESPACE)
_OTHERS = {"claim": "see get_composite", "composite": "see get_composite"}


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


async def kind_of(reader: Reader, arguments: Arguments) -> Kind:
    """Raises `ToolError` for what is no managed resource, with what else it is."""
    named = arguments["kind"]
    try:
        kind = await reader.kind(named)
    except UnknownKindError as error:
        raise await _unserved(reader, named, error) from error
    if "managed" not in kind.api.categories:
        remedy = next((_OTHERS[each] for each in kind.api.categories if each in _OTHERS), "see trace_resource")
        remedy = "see set_provider_config" if configs.is_config(kind) else remedy
        raise ToolError(f"{kind.resource.qualified} are no managed resources", "", remedy)
    return kind


async def _unserved(reader: Reader, named: str, error: UnknownKindError) -> ToolError:
    """A provider's kind is not served until its definition is active."""
    try:
        definitions = await activation.definitions(reader)
    except activation.NoDefinitionsError:
        definitions = []
    except FairleadError as unread:
        return ToolError(error.what, f"whether it only is not active could not be read: {unread}", error.remedy)
    for each in definitions:
        spec, name = each.get("spec") or {}, each["metadata"]["name"]
        names = {str((spec.get("names") or {}).get(key)).lower() for key in ("kind", "plural", "singular")}
        if named.lower() in (*names, name) and not activation.is_active(each):
            return ToolError(f"{name} is not active, so there are none", "", f"activate_managed_resources names={name}")
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
    used = await configs.used(reader, kind, obj)
    if used is not None:
        lines.append(f"provider config {used}")
        troubles += lines[-1:] if used.obj is None and not used.gap else []
    return lines, troubles
