"""A page of any list as an answer: the part that every listing tool shares."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.tools import Answer, ToolError
from fairlead.resources import cleaning, tabulating
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Page, Query, Reader, next_step

Arguments = Mapping[str, Any]


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


async def listed(reader: Reader, kind: Kind, wanted: Query, arguments: Arguments) -> Answer:
    """Raises `ToolError` with what to do next."""
    output, fields = arguments.get("output", "table"), arguments.get("fields") or ()
    as_table = not fields and output in ("table", "wide", "names")
    try:
        page = await reader.page(kind, wanted, table=as_table)
        text = _text(page, output, fields, everywhere=not wanted.namespace and kind.resource.namespaced)
    except FairleadError as error:
        raise ToolError(str(error), "", next_step(error, kind)) from error
    return Answer(f"{fencing.fenced(text, kind.resource.qualified)}\n{_summary(page)}")


def _text(page: Page, output: str, fields: Sequence[str], *, everywhere: bool) -> str:
    if page.document.get("kind") == "Table":
        if output == "names":
            return "\n".join(_names(page, everywhere=everywhere))
        rows = tabulating.of_table(page.document, namespaces=everywhere, wide=output == "wide")
        return tabulating.render(rows) if len(rows) else "none"
    items = [cleaning.cleaned(_typed(page, each)) for each in page.document.get("items") or ()]
    if fields:
        place = ("metadata.namespace", "metadata.name") if everywhere else ("metadata.name",)
        rows = tabulating.of_fields(items, (*place, *(each for each in fields if each not in place)))
        return tabulating.render(rows) if len(rows) else "none"
    return json.dumps(items, separators=(",", ":")) if output == "json" else encoding.to_yaml(items)


def _typed(page: Page, item: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": page.kind.api_version, "kind": page.kind.api.kind, **item}


def _names(page: Page, *, everywhere: bool) -> list[str]:
    found = [row["object"]["metadata"] for row in page.document.get("rows") or ()]
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
