"""The two sides: a server that stores the kind itself, and the same kind through the connector."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from fairlead.machinery import patches
from fairlead.machinery.messages import Headers, Request, Response
from tests.differential import kind, normalising
from tests.differential.comparing import Difference, Exceptions
from tests.differential.covering import Coverage
from tests.differential.normalising import Memory
from tests.differential.operations import Operation, Target, filled

Send = Callable[[Request], Awaitable[Response]]
USER_AGENT = "differential/1.0"
COMPARED = ("content-type", "warning", "retry-after", "allow")
_LEAKS = re.compile(r"claim-[0-9a-f]{16}|mcp-connector\.upbound\.io/app|diff-claims")
_VERSION = re.compile(r'("resourceVersion": ")\d+')
_MOST_PAGES = 200


@dataclass
class Seen:
    """One side's answer, normalised."""

    code: int
    headers: list[tuple[str, str]]
    body: Any

    def parts(self) -> dict[str, Any]:
        return {"code": self.code, "headers": self.headers, "body": self.body}


@dataclass
class Side:
    send: Send
    memory: Memory = field(default_factory=Memory)
    token: str = ""
    start: str = ""
    """The collection's version when the sequence began."""
    raw: list[bytes] = field(default_factory=list)
    """The bodies of the last operation."""

    async def do(self, operation: Operation) -> Seen:
        self.raw = []
        if ("resourceVersion", "«listrv»") in operation.query:
            found = normalising.documents(await self.send(_request("GET", kind.WIDGETS.path(), "", "", b"")))
            self.token = found[0]["metadata"]["resourceVersion"]
        answer = await self.send(self._request(operation))
        if not operation.paged or answer.status != 200:
            return self._seen(answer, operation)
        return await self._pages(operation, answer)

    def _request(self, operation: Operation, *more: tuple[str, str]) -> Request:
        body = operation.body
        if operation.edits:
            template = {"apiVersion": kind.API_VERSION, "kind": kind.KIND}
            before = self.memory.last(operation.place) or kind.widget(operation.place[1], operation.place[0])
            body = json.dumps(patches.merge_patch({**template, **_numbers(before)}, json.loads(body)))
        place = operation.place
        asked = [pair for pair in operation.query if not more or not pair[0].startswith("resourceVersion")]
        query = [(key, self._fill(value, place)) for key, value in (*asked, *more)]
        return _request(operation.method, self._fill(operation.path, place), urlencode(query), operation.accept,
                        self._fill(body, place).encode(), operation.content_type)  # fmt: skip

    def _fill(self, template: str, place: Target) -> str:
        known = {"namespace": place[0], "name": place[1], "listrv": self.token, "startrv": self.start}
        return filled(template, lambda word: known[word] if word in known else self.memory.reference(word, place))

    async def _pages(self, operation: Operation, first: Response) -> Seen:
        """The pages as one, each one's size beside: which objects stand on which page is not promised."""
        pages = [self._documents(first)]
        sizes = []
        for _ in range(_MOST_PAGES):
            page = pages[-1]
            sizes.append(len(page.get("items") or page.get("rows") or ()) if isinstance(page, dict) else -1)
            token = (page.get("metadata") or {}).get("continue") if isinstance(page, dict) else ""
            if not token:
                break
            answer = await self.send(self._request(operation, ("continue", token)))
            pages.append(self._documents(answer))
        whole = dict(pages[0]) if isinstance(pages[0], dict) else {"body": pages[0]}
        for name in ("items", "rows"):
            if name in whole:
                whole[name] = [each for page in pages for each in page.get(name) or ()]
        whole["metadata"] = {**whole.get("metadata", {}), "continue": "", "sizes": sizes}
        return self._shown(first, whole, operation)

    def _documents(self, answer: Response) -> Any:
        assert isinstance(answer.body, bytes)
        self.raw.append(answer.body)
        found = normalising.documents(answer)
        return found[0] if len(found) == 1 else found

    def _seen(self, answer: Response, operation: Operation) -> Seen:
        return self._shown(answer, self._documents(answer), operation)

    def _shown(self, answer: Response, body: Any, operation: Operation) -> Seen:
        if operation.paged:
            body = normalising.ordered(body, normalising.place)
        if operation.verb == "watch":
            body = _events(body)
        if operation.verb in ("list", "list -A", "deletecollection"):
            body = _anonymous(body)
        dry = any(key == "dryRun" for key, _ in operation.query) or '"dryRun"' in operation.body
        if not dry and operation.verb != "watch":
            for each in normalising.objects(body):
                self.memory.remember(each)
        shown = normalising.normalised(body, self.memory)
        lines = [
            (key, normalising.normalised(value, self.memory)) for key, value in answer.headers.lines if key in COMPARED
        ]
        return Seen(answer.status, sorted(lines), shown)


def _event_place(event: Any) -> tuple[bool, tuple[str, str, str]]:
    shown = event.get("object") or {}
    return event["type"] == "BOOKMARK", normalising.place((shown.get("rows") or [shown])[0])


def _numbers(value: Any) -> Any:
    """Numbers as Python's own, to be sent again."""
    if isinstance(value, normalising.Number):
        return json.loads(value)
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    return [_numbers(each) for each in value] if isinstance(value, list) else value


def _anonymous(body: Any) -> Any:
    """A collection's version may be that of an object, or not."""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if isinstance(metadata, dict) and "resourceVersion" in metadata:
        return {**body, "metadata": {**metadata, "resourceVersion": "of the collection"}}
    return body


def _events(body: Any) -> Any:
    """The first state has no order, and bookmarks come when the server likes; what ends the first state stays.

    Later events are in the order of each object: a deletion of many is carried out in the order of their names, which
    are others here and there.
    """
    found = body if isinstance(body, list) else [body]
    if not all(isinstance(each, dict) and "type" in each for each in found):
        return body
    initial = next((index for index, each in enumerate(found) if "initial-events-end" in json.dumps(each)), -1) + 1
    first = sorted(found[:initial], key=_event_place)
    rest = [each for each in found[initial:] if each["type"] != "BOOKMARK"]
    return {"first": [*map(_bookmark, first)], "rest": sorted(rest, key=_event_place)}


def _bookmark(event: Any) -> Any:
    """The version that it tells is the collection's, which an object may have or not."""
    return json.loads(_VERSION.sub(r"\1of the collection", json.dumps(event))) if event["type"] == "BOOKMARK" else event


def _request(
    method: str, path: str, query: str, accept: str, body: bytes, content_type: str = ""
) -> Request:  # fmt: skip
    lines = [("user-agent", USER_AGENT)]
    lines += [("accept", accept)] if accept else []
    lines += [("content-type", content_type)] if content_type else []
    return Request(method, path, query, Headers(lines), body)


@dataclass
class Twins:
    local: Side
    through: Side
    exceptions: Exceptions
    coverage: Coverage = field(default_factory=Coverage)
    carried_out: bool = False
    """Compares only what the local side carried out: embedded servers refuse in words and order of their own."""

    sequence: int = 0

    async def do(self, operation: Operation) -> list[Difference]:
        """About objects that have another name in each sequence: nobody is to remember those of the last one."""
        namespace, name = operation.place
        operation = replace(operation, place=(namespace, f"{name}-{self.sequence}"))
        found = await self._do(operation)
        if found and operation.verb == "watch":  # on a busy machine a second may end before the events come
            query = [(key, "10" if key == "timeoutSeconds" else value) for key, value in operation.query]
            found = await self._do(replace(operation, query=tuple(query)))
        return found

    async def _do(self, operation: Operation) -> list[Difference]:
        local, through = await asyncio.gather(self.local.do(operation), self.through.do(operation))
        self.coverage.count(operation, local.code)
        if self.carried_out and local.code >= 300:
            return []
        found = self.exceptions.differences(operation, local.parts(), through.parts())
        leaks = {match.group() for body in self.through.raw for match in _LEAKS.finditer(body.decode(errors="replace"))}
        if leaks - set(_LEAKS.findall(str(operation))):
            found.append(Difference(operation, "leak", None, sorted(leaks)))
        return found

    async def begin(self) -> None:
        """A sequence: both sides empty, whatever stood there, and nothing remembered but the coverage."""
        self.sequence += 1
        for side in (self.local, self.through):
            answer = await side.send(_request("GET", kind.WIDGETS.path(), "", "", b""))
            for each in normalising.documents(answer)[0]["items"]:
                metadata = each["metadata"]
                where = kind.WIDGETS.path(metadata["namespace"], metadata["name"])
                await self._remove(side, where, bool(metadata.get("finalizers")))
            answer = await side.send(_request("GET", kind.WIDGETS.path(), "", "", b""))
            side.start = normalising.documents(answer)[0]["metadata"]["resourceVersion"]
        self.local, self.through = replace(self.local, memory=Memory()), replace(self.through, memory=Memory())

    async def _remove(self, side: Side, where: str, held: bool) -> None:
        if held:
            patch = b'{"metadata":{"finalizers":null}}'
            await side.send(_request("PATCH", where, "", "", patch, "application/merge-patch+json"))
        await side.send(_request("DELETE", where, "", "", b""))
