"""What the API of a cluster has: its kinds, and the fields of each."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Tool
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import API_VERSION, CONTEXT, KIND
from fairlead.resources import explaining
from fairlead.resources.kinds import Kind
from fairlead.resources.tabulating import Rows, render

_FIELD = Parameter("field", "Below this, e.g. spec.template.spec.")
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


async def api_explain(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    try:
        found = await explaining.explain(reader.client, kind, arguments.get("field", ""))
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    what = f"the schema of {kind.resource.qualified}"
    return Answer(answering.fenced(explaining.text(found), what, "explain one of its fields"))


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
        "api_explain",
        "Explain a kind",
        "The fields of a kind, their types and meaning, one level at a time.",
        api_explain,
        (KIND, _FIELD, API_VERSION, CONTEXT),
    ),
)
