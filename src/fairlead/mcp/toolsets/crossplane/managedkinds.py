"""What tools for managed resources share: their kinds, found by name, and refusals that say what else it is."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import configs, providing
from fairlead.crossplane.judging import Health, State, judge
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.tools import Parameter, Right, ToolError
from fairlead.mcp.toolsets.core.vocabulary import API_VERSION, ITS_NAMESPACE, NAME
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
KIND = Parameter("kind", "E.g. bucket, buckets.s3.aws.upbound.io.", required=True)
ONE = (KIND, NAME, ITS_NAMESPACE, API_VERSION)
_CATEGORIES = ("managed", "providerconfig")
_OTHERS = {"claim": "see get_composite", "composite": "see get_composite"}


def rights(*verbs: str) -> tuple[Right, ...]:
    """On managed resources and provider configs, and to read whose they are and who looks after them."""
    extensions, packages = "apiextensions.crossplane.io", "pkg.crossplane.io"
    return (
        Right(verbs, "*", "*", ("managed",)),
        Right(("get", "list"), "*", "*", ("managed", "composite", "claim", "providerconfig")),
        Right(("get",), "apiextensions.k8s.io", "customresourcedefinitions"),
        Right(("get", "list"), extensions, "managedresourcedefinitions"),
        Right(("get",), packages, "providerrevisions"),
        Right(("get",), packages, "providers"),
        Right(("list",), "", "events"),
    )


async def kind_of(reader: Reader, arguments: Arguments) -> Kind:
    """Raises `ToolError` for what is no managed resource, with what else it is."""
    named = arguments["kind"]
    try:
        kind = await reader.kind(named, arguments.get("api_version", ""))
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
        definitions = await reader.every(providing.MRD, providing.MRD_VERSION)
    except FairleadError:
        definitions = []
    for each in definitions:
        spec, name = each.get("spec") or {}, each["metadata"]["name"]
        names = {str((spec.get("names") or {}).get(key)).lower() for key in ("kind", "plural", "singular")}
        if named.lower() in (*names, name) and spec.get("state") != "Active":
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
