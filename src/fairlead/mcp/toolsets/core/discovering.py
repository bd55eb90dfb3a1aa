"""What the clusters and their APIs are."""

from collections.abc import Mapping
from typing import Any

from fairlead.mcp.gate import Call
from fairlead.mcp.tools import Answer, Parameter, Tool
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT
from fairlead.resources.kinds import Kind
from fairlead.resources.tabulating import Rows, render

_WORDS = Parameter("words", "Parts of names, groups or categories, e.g. claim, crossplane.")


async def api_search(call: Call, arguments: Mapping[str, Any]) -> Answer:
    kinds = await call.target(arguments.get("context", "")).kinds(anew=True)
    found = kinds.search(arguments.get("words", ""))
    stale = f"\nnot known just now: {', '.join(kinds.stale)}" if kinds.stale else ""
    if not found:
        near = ", ".join(kinds.near(arguments.get("words", "")))
        return Answer(f"no kind matches; {f'near: {near}' if near else 'try fewer words'}{stale}")
    rows = Rows(("NAME", "KIND", "APIVERSION", "NAMESPACED", "SHORT", "VERBS"), tuple(map(_row, found)))
    return Answer(f"{render(rows)}\n{len(found)} kinds{stale}")


def _row(kind: Kind) -> tuple[str, ...]:
    api = kind.api
    verbs = "read" if not kind.can("create") and not kind.can("delete") else "read,write"
    return (
        api.plural,
        api.kind,
        kind.api_version,
        str(kind.resource.namespaced).lower(),
        ",".join(api.short_names),
        verbs,
    )


async def configuration_contexts_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return Answer("\n".join(call.names))


TOOLS = (
    Tool(
        "api_search",
        "Search kinds",
        "Which kinds the API serves: names, short names, versions, scope.",
        api_search,
        (_WORDS, CONTEXT),
        open_world=False,
    ),
    Tool(
        "configuration_contexts_list",
        "List clusters",
        "The clusters of this server, for `context`; the first is the default.",
        configuration_contexts_list,
        open_world=False,
    ),
)
