"""A page of any list as an answer, of one cluster or of several: the part that every listing tool shares."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer
from fairlead.mcp.toolsets.core import answering
from fairlead.resources import cleaning, gathering, tabulating
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Page, Query, Reader
from fairlead.resources.tabulating import Rows

Arguments = Mapping[str, Any]
Find = Callable[[Reader], Awaitable[Kind]]


def query(arguments: Arguments, field_selector: str | None = None) -> Query:
    """`field_selector` stands for the argument of that name where a tool makes its own."""
    selector = arguments.get("field_selector", "") if field_selector is None else field_selector
    return Query(
        namespace=arguments.get("namespace", ""),
        label_selector=arguments.get("label_selector", ""),
        field_selector=selector,
        limit=arguments.get("limit", 50),
        cursor=arguments.get("cursor", ""),
    )


def named(name: str, api_version: str = "") -> Find:
    return lambda reader: reader.kind(name, api_version)


async def listed(call: Call, find: Find, wanted: Query, arguments: Arguments) -> Answer:
    """Raises `ToolError` with what to do next; several clusters that fail in part are an answer that says so."""
    output, fields = arguments.get("output", "table"), arguments.get("fields") or ()
    as_table = not fields and output in ("table", "wide", "names")
    names = answering.clusters(call, arguments.get("context", ""))
    if len(names) == 1:
        reader = call.target(names[0])
        kind = await find(reader)
        try:
            page = await reader.page(kind, wanted, table=as_table)
            return _one(page, wanted, output, fields)
        except FairleadError as error:
            raise answering.refused(error, kind) from error
    places = gathering.places(wanted.cursor) if wanted.cursor else dict.fromkeys(names, "")
    allowed = gathering.shares(wanted.limit, list(places))

    async def ask(name: str) -> Page:
        reader: Reader = call.target(name)
        here = replace(wanted, limit=allowed[name], cursor=places[name])
        return await reader.page(await find(reader), here, table=as_table)

    found = await answering.gathered(call, list(allowed), ask)
    waiting = {name: page.cursor for name, page in found.found.items() if page.cursor}
    waiting |= {name: place for name, place in places.items() if name not in allowed}
    return _several(found, wanted, output, fields, gathering.cursor(waiting))


def _one(page: Page, wanted: Query, output: str, fields: Sequence[str]) -> Answer:
    shown = _shown(page, output, fields, everywhere=not wanted.namespace and page.kind.resource.namespaced)
    summary = _summary(page)
    structured = {"items": shown, "cursor": page.cursor} if output == "json" and not fields else None
    return answering.listed(_text(shown, output), page.kind.resource.qualified, summary, _count(page), structured)


def _several(found: gathering.Gathered[Page], wanted: Query, output: str, fields: Sequence[str], cursor: str) -> Answer:
    first = next(iter(found.found.values()))
    everywhere = not wanted.namespace and first.kind.resource.namespaced
    shown = {name: _shown(page, output, fields, everywhere=everywhere) for name, page in found.found.items()}
    if isinstance(next(iter(shown.values())), Rows):
        text = _text(tabulating.joined(shown), output)
    elif output == "names":
        text = "\n".join(f"{name}: {line}" for name, lines in shown.items() for line in lines) or "none"
    else:
        text = _text(shown, output)
    count = sum(map(_count, found.found.values()))
    more = f", more follow; next: cursor={cursor}" if cursor else " in all"
    summary = "\n".join([f"{count}{more} of {len(found.found)} clusters", *answering.failures(found)])
    structured = {"clusters": shown, "cursor": cursor} if output == "json" and not fields else None
    return answering.listed(text, first.kind.resource.qualified, summary, count, structured)


def _shown(page: Page, output: str, fields: Sequence[str], *, everywhere: bool) -> Any:
    """Rows, names, or objects."""
    if output == "names" and not fields:
        return _names(page, everywhere=everywhere)
    if page.document.get("kind") == "Table":
        return tabulating.of_table(page.document, namespaces=everywhere, wide=output == "wide")
    items = [cleaning.cleaned(_typed(page, each)) for each in page.document.get("items") or ()]
    if not fields and output not in ("table", "wide"):
        return items
    # Without fields: an API server that knows no tables, as extension servers may.
    place = ("metadata.namespace", "metadata.name") if everywhere else ("metadata.name",)
    chosen = fields or ("metadata.creationTimestamp",)
    return tabulating.of_fields(items, (*place, *(each for each in chosen if each not in place)))


def _text(shown: Any, output: str) -> str:
    if isinstance(shown, Rows):
        return tabulating.render(shown) if len(shown) else "none"
    if output == "names":
        return "\n".join(shown) or "none"
    return json.dumps(shown, separators=(",", ":")) if output == "json" else encoding.to_yaml(shown)


def _typed(page: Page, item: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": page.kind.api_version, "kind": page.kind.api.kind, **item}


def _names(page: Page, *, everywhere: bool) -> list[str]:
    table = page.document.get("kind") == "Table"
    objects = [row["object"] for row in page.document.get("rows") or ()] if table else page.document.get("items") or ()
    found = [each["metadata"] for each in objects]
    return [f"{each['namespace']}/{each['name']}" if everywhere else each["name"] for each in found]


def _count(page: Page) -> int:
    return len(page.document.get("rows" if page.document.get("kind") == "Table" else "items") or ())


def _summary(page: Page) -> str:
    count = _count(page)
    if not page.cursor:
        return (
            f"{count} in all" if count else f"no {page.kind.resource.qualified} here; try another namespace or selector"
        )
    of = f" of {count + page.remaining}" if page.remaining is not None else ", more follow"
    return f"{count}{of}; next: cursor={page.cursor}; narrow with namespace, label_selector or fields"
