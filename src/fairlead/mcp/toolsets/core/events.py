"""Events, namespaces and projects."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool
from fairlead.mcp.toolsets.core import answering, listing
from fairlead.mcp.toolsets.core.vocabulary import (
    CONTEXT,
    CONTEXTS,
    CURSOR,
    FIELD_SELECTOR,
    LABELS,
    LIMIT,
    LIST_OUTPUT,
    NAMESPACE,
)
from fairlead.resources import happening, tabulating
from fairlead.resources.happening import Happened
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.tabulating import Rows

_OF_KIND = Parameter("kind", "Only about objects of this kind, e.g. Pod.")
_OF_NAME = Parameter("name", "Only about the object of this name.")
_TYPE = Parameter("type", "Warning for trouble alone.", choices=("Normal", "Warning"))


async def events_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    terms = {"involvedObject.kind": "kind", "involvedObject.name": "name", "type": "type"}
    given = [f"{field}={arguments[name]}" for field, name in terms.items() if arguments.get(name)]
    given += [arguments["field_selector"]] if arguments.get("field_selector") else []
    selector, namespace, limit = ",".join(given), arguments.get("namespace", ""), arguments["limit"]
    names = answering.clusters(call, arguments.get("context", ""))

    async def ask(name: str) -> Happened:
        return await happening.latest(call.target(name), namespace, selector)

    if len(names) == 1:
        try:
            found = await ask(names[0])
        except FairleadError as error:
            raise answering.refused(error) from error
        if not len(found.rows):
            return Answer("no events here; try another namespace, or without `type`")
        rows = Rows(found.rows.columns, found.rows.cells[:limit])
        return _told(rows, len(found.rows), more=found.more)
    gathered = await answering.gathered(call, names, ask)
    rows = happening.newest(gathered.found, limit)
    total = sum(len(each.rows) for each in gathered.found.values())
    more = any(each.more for each in gathered.found.values())
    return _told(rows, total, f" of {len(gathered.found)} clusters", *answering.failures(gathered), more=more)


def _told(rows: Rows, total: int, of: str = "", *lines: str, more: bool = False) -> Answer:
    said = f"{len(rows)} of {total} events{of}, newest first"
    if more:
        said += f"; only the first {happening.MOST} by name were looked at: narrow with namespace, kind, name or type"
    text = tabulating.render(rows) if len(rows) else "none"
    return answering.listed(text, "events", "\n".join((said, *lines)), len(rows))


async def namespaces_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    return await listing.listed(call, listing.named("namespaces", "v1"), listing.query(arguments), arguments)


async def projects_list(call: Call, arguments: Mapping[str, Any]) -> Answer:
    try:
        return await listing.listed(
            call, listing.named("projects.project.openshift.io"), listing.query(arguments), arguments
        )
    except UnknownKindError:
        return Answer("this cluster is no OpenShift and has no projects; namespaces_list shows its namespaces")


TOOLS = (
    Tool(
        "events_list",
        "List events",
        "What has happened, newest first, in a namespace or to one object.",
        events_list,
        (NAMESPACE, _OF_KIND, _OF_NAME, _TYPE, FIELD_SELECTOR, LIMIT, CONTEXTS),
        rights=(Right(("list",), "", "events"),),
    ),
    Tool(
        "namespaces_list",
        "List namespaces",
        "The namespaces of a cluster.",
        namespaces_list,
        (LABELS, FIELD_SELECTOR, LIMIT, CURSOR, LIST_OUTPUT, CONTEXTS),
        rights=(Right(("list",), "", "namespaces"),),
    ),
    Tool(
        "projects_list",
        "List projects",
        "The projects of an OpenShift cluster.",
        projects_list,
        (LABELS, FIELD_SELECTOR, LIMIT, CURSOR, CONTEXT),
        rights=(Right(("list",), "project.openshift.io", "projects"),),
    ),
)
