"""What has happened last: events, the newest first.

An API server lists events by name, which says nothing of when. A page of them in that order shows any events but the
latest, and the latest are what is asked for. So one request takes as many as are likely to be there, and they are put
in order here; that there were more than that is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.machinery.paths import Resource
from fairlead.resources import tabulating
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Query, Reader
from fairlead.resources.tabulating import Rows

EVENTS = Resource("", "v1", "events")
MOST = 1000
"""Asked for at once, of about two kilobytes each."""


@dataclass(frozen=True)
class Happened:
    kind: Kind
    rows: Rows
    times: tuple[str, ...]
    """Of the rows, RFC 3339."""
    more: bool
    """Whether the server has more than were asked for, newer ones perhaps."""


async def latest(reader: Reader, namespace: str = "", field_selector: str = "") -> Happened:
    """Raises what `Reader.page` raises."""
    kind = await reader.kind("events", "v1")
    query = Query(namespace, field_selector=field_selector, limit=MOST)
    page = await reader.page(kind, query, objects=True)
    found = sorted(page.document.get("rows") or (), key=lambda row: when(row.get("object") or {}), reverse=True)
    rows = tabulating.of_table({**page.document, "rows": found}, namespaces=not namespace)
    return Happened(kind, rows, tuple(when(row.get("object") or {}) for row in found), bool(page.cursor))


async def warnings(reader: Reader, obj: Mapping[str, Any]) -> list[str]:
    """Of one object, as `reason: message`, the latest first and each once. Raises what `Reader.page` raises."""
    metadata = obj.get("metadata") or {}
    query = Query(
        namespace=str(metadata.get("namespace") or "default"),  # where events of what is in none are
        field_selector=f"involvedObject.uid={metadata.get('uid') or ''},type=Warning",
        limit=MOST,
    )
    page = await reader.page(await reader.kind("events", "v1"), query, table=False)
    found = sorted(page.document.get("items") or (), key=when, reverse=True)
    return list(dict.fromkeys(f"{each.get('reason')}: {' '.join(str(each.get('message')).split())}" for each in found))


def when(event: Mapping[str, Any]) -> str:
    """Its last occurrence, in any of the three ways in which events tell it."""
    series = (event.get("series") or {}).get("lastObservedTime")
    made = (event.get("metadata") or {}).get("creationTimestamp")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or made or "")


def newest(parts: Mapping[str, Happened], limit: int) -> Rows:
    """Of several clusters, each row behind the name of its own."""
    rows = tabulating.joined({name: each.rows for name, each in parts.items()})
    times = [time for each in parts.values() for time in each.times]
    order = sorted(range(len(times)), key=lambda index: times[index], reverse=True)
    return Rows(rows.columns, tuple(rows.cells[index] for index in order[:limit]))
