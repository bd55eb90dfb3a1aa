"""What a manifest would change, and whether it is valid, without changing anything."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Right, Tool, ToolError
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT
from fairlead.mcp.toolsets.core.writing import FORCE, INTO, RESOURCE
from fairlead.resources import manifests

if TYPE_CHECKING:
    from fairlead.resources.offline import Outlook


async def resources_diff(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await _each(call, arguments, _difference)


async def resources_validate(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await _each(call, {**arguments, "force": True}, lambda found: f"{found.subject}: valid")


async def _each(call: Call, arguments: Mapping[str, Any], told: Callable[["Outlook"], str]) -> Answer:
    """One that is refused is said among the others; it is an error where all are."""
    from fairlead.resources import offline  # the rules of schemas are a tenth of all that a start imports

    reader, said, unchecked, wrong = call.target(arguments.get("context", "")), [], [], 0
    wanted = manifests.read(arguments["resource"])
    for each in wanted:
        namespace, force = arguments.get("namespace", ""), bool(arguments.get("force"))
        try:
            found = await offline.outlook(reader, each, namespace, force=force, tries=not call.reads_only)
        except FairleadError as error:
            wrong += 1
            said.append(f"{each['kind']} {each['metadata']['name']}: refused: {redacting.text(str(error))}")
        else:
            said.append(told(found))
            unchecked += [] if found.tried else [f"{found.subject}: {_unchecked(found)}"]
    text = fencing.plain("\n".join(said))
    if wrong == len(wanted):
        raise ToolError(text)
    return Answer("\n".join([text, *unchecked]))


def _difference(found: "Outlook") -> str:
    if not found.diff:
        return f"{found.subject}: no difference"
    would = "would be created" if found.is_new else "would be changed"
    return f"{found.subject} {would}:\n{fencing.fenced(found.diff.text(), 'what would change')}"


def _unchecked(found: "Outlook") -> str:
    rules = f"; rules that were not checked: {'; '.join(found.unchecked)}" if found.unchecked else ""
    return f"worked out here from the published schema, without admission{rules}"


_READS = (Right(("get", "patch"), "*", "*"),)
TOOLS = (
    Tool(
        "resources_diff",
        "Compare with manifests",
        "What applying manifests would change.",
        resources_diff,
        (RESOURCE, INTO, FORCE, CONTEXT),
        rights=_READS,
    ),
    Tool(
        "resources_validate",
        "Validate manifests",
        "Whether manifests are valid here, and what could not be checked.",
        resources_validate,
        (RESOURCE, INTO, CONTEXT),
        rights=_READS,
    ),
)
