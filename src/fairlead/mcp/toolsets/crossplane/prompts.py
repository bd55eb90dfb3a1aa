"""What people ask of a control plane again and again, as prompts that bring the facts along; and its APIs to read.

A prompt that only says "find out why" sends the model looking. These have looked already: the diagnosis, or what a
deletion would take with it, is in the prompt, read as the caller may, so that the first answer is about the matter.
The facts are fenced like every tool's answer, because whoever writes a message into an object writes into the prompt.
"""

from collections.abc import Awaitable, Callable, Mapping

from fairlead.crossplane import xrds
from fairlead.machinery import redacting
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.contents import Document, Message, Prompt, PromptArgument, Resource, Text
from fairlead.mcp.tools import Tool, ToolClass, ToolError, arguments
from fairlead.mcp.toolsets.crossplane import understanding
from fairlead.mcp.toolsets.crossplane.defining import definitions
from fairlead.mcp.toolsets.crossplane.packaging import functions, packages

Render = Callable[[Call, Mapping[str, str]], Awaitable[list[Message]]]
_TOOLS: dict[str, Tool] = {
    each.name: each
    for each in (*understanding.TOOLS, *definitions.TOOLS, *packages.TOOLS, *functions.TOOLS)
    if each.tool_class is ToolClass.READ
}
_PACKAGES = ("provider", "configuration", "function")

_DEBUG = """\
{kind}/{name} does not work as it should. This is what a look at it and at all below it has found.
Say in plain words which cause is the root and what shows it; what is only its echo, say so. Then propose the smallest
change that mends it. Before you change anything, show what would change (dry_run) and ask me."""
_ASSESS = """\
I am thinking of deleting {kind}/{name}. This is what a deletion would take with it, and what would hold it up.
Say what would be lost for good, what would stay behind outside the cluster, who uses it, and in which order it would
have to be done. Delete nothing; end with your advice and what I should save before."""
_UPGRADE = """\
I want to upgrade the {kind} {name}{to}. This is how it is now.
Plan the upgrade: what the step changes, what depends on it, whether a revision has to be activated by hand, how we see
that it went well, and how we go back. Show it as a dry run first; upgrade nothing before I agree."""
_DESIGN = """\
Design a platform API for this need: {need}
Below are the APIs that there are; propose a field of one of these where that is enough. Otherwise propose an XRD (few
fields, each with a type, a default where one is safe, a description, an enum where the values are known) and a
composition in pipeline mode. Check both with validate_manifest, show me the manifests and an example of what an app
team writes, and create nothing before I agree."""


def _prompt(text: str, tool: str) -> Render:
    """`tool` may name the argument that decides it."""

    async def render(call: Call, given: Mapping[str, str]) -> list[Message]:
        filled = {key: redacting.text(fencing.plain(value)) for key, value in given.items()}
        filled["to"] = f" to {filled['version']}" if filled.get("version") else ""
        asked = text.format_map(filled)
        return [Message(Text(f"{asked}\n\n{await _facts(call, tool.format_map(given).lower(), given)}"))]

    return render


async def _facts(call: Call, name: str, given: Mapping[str, str]) -> str:
    tool = _TOOLS.get(name)
    if tool is None:
        raise ToolError("that is no kind of package", "", f"there are: {', '.join(_PACKAGES)}")
    known = {each.name for each in tool.parameters}
    asked = {key: value for key, value in given.items() if key in known and value}
    return (await tool.runs(call, arguments(tool, asked))).text


async def _apis(call: Call, _: Mapping[str, str]) -> Document:
    found = (await call.target("").client.list(xrds.V1)).items
    lines = ["| API | claim | composite | scope | versions | description at |", "|---|---|---|---|---|---|"]
    lines += [_row(xrds.read(each)) for each in sorted(found, key=lambda each: str(each["metadata"]["name"]))]
    return Document("crossplane://apis", "text/markdown", redacting.text("\n".join(lines)))


def _row(api: xrds.Definition) -> str:
    claim = api.claim.kind if api.claim else "none"
    versions = ", ".join(api.served)
    cells = (api.name, claim, api.composite.kind, api.scope, versions, f"crossplane://apis/{api.name}")
    return f"| {' | '.join(map(fencing.plain, cells))} |"


async def _api(call: Call, parts: Mapping[str, str]) -> Document:
    text = await _facts(call, "describe_xrd_schema", {"kind": parts["name"]})
    return Document(f"crossplane://apis/{parts['name']}", "text/plain", text)


async def complete(name: str, argument: str, typed: str) -> list[str]:
    """Only what is the same everywhere: a completion is given no cluster."""
    known = _PACKAGES if (name, argument) == ("plan_package_upgrade", "kind") else ()
    return [each for each in known if each.startswith(typed.lower())]


_KIND = PromptArgument("kind", "E.g. Database, xrd, provider.", required=True)
_NAME = PromptArgument("name", "Its name.", required=True)
_NAMESPACE = PromptArgument("namespace", "Its namespace.")
PROMPTS = (
    Prompt(
        "debug_resource",
        "Find out why a claim, composite, managed resource or package is not well, and mend it.",
        _prompt(_DEBUG, "diagnose_resource"),
        (_KIND, _NAME, _NAMESPACE),
    ),
    Prompt(
        "assess_deletion",
        "What would be lost, left behind or stuck if an object were deleted.",
        _prompt(_ASSESS, "explain_deletion"),
        (_KIND, _NAME, _NAMESPACE),
    ),
    Prompt(
        "plan_package_upgrade",
        "Plan the upgrade of a provider, configuration or function, and the way back.",
        _prompt(_UPGRADE, "get_{kind}"),
        (
            PromptArgument("kind", "provider, configuration or function.", required=True),
            _NAME,
            PromptArgument("version", "To which."),
        ),
    ),
    Prompt(
        "design_platform_api",
        "Design a platform API: an XRD and what composes it.",
        _prompt(_DESIGN, "list_xrds"),
        (PromptArgument("need", "What app teams need.", required=True),),
    ),
)
RESOURCES = (
    Resource("crossplane://apis", "Platform APIs", "The platform APIs that are defined.", "text/markdown", _apis),
    Resource("crossplane://apis/{name}", "A platform API", "Fields and an example of one.", "text/plain", _api),
)
