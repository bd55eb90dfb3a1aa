"""Changes as values: what would be other than now, found out before any of it is done.

Whoever has to say yes is shown a change; it is then sent on the condition that its object is still the one that was
shown. The condition is its resourceVersion, but controllers report a status all the time, and a pod that crashes again
and again is what people want to delete: where nothing but the status is another since, the newer version is taken.

Where several are sent, one after the other, an API has no transaction: what was done, what may have been, and what was
not is said instead, whichever way it ends.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from fairlead.client.errors import Unreachable
from fairlead.machinery import encoding, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.values import same
from fairlead.resources.diffing import Diff, diff
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader, ScopeError

Object = dict[str, Any]
MANAGER = "fairlead-mcp"
_ATTEMPTS = 3
DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}


class ChangedMeanwhileError(FairleadError):
    """The object is not the one that the plan was made for; nothing was done."""


class NotAllDoneError(FairleadError):
    """Something stopped the changes; says which of them were done."""


@dataclass(frozen=True)
class Change:
    verb: str
    """`create`, `change`, `delete`, …, as in "change ConfigMap a"."""
    kind: Kind
    name: str
    namespace: str
    before: Object | None = field(repr=False)
    """None: it is not there yet."""
    after: Object | None = field(repr=False)
    """None: it goes."""
    wanted: Any = field(repr=False)
    """What is sent, without what only time decides; part of the digest."""
    send: Callable[[], Awaitable[Object]] = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()
    """What follows from it: part of the digest, so that another outcome is another change."""
    removes_more: bool = False
    """Whether something goes that the object itself does not show, such as its pods."""
    remarks: tuple[str, ...] = ()
    """What is worth knowing besides, and may be otherwise a moment later."""

    @property
    def what(self) -> str:
        return f"{self.verb} {self.subject}"

    @property
    def subject(self) -> str:
        return subject(self.kind, self.name, self.namespace)

    @cached_property
    def diff(self) -> Diff:
        return diff(self.before, self.after)

    @property
    def removes(self) -> bool:
        return self.after is None or self.removes_more or self.diff.removes

    @cached_property
    def digest(self) -> str:
        """Of what would be sent and of the very object that it was planned for, its status aside."""
        basis = [self.what, self.before and essence(self.before), self.wanted, self.notes]
        return hashlib.sha256(encoding.to_json(basis)).hexdigest()

    def preceded_by(self, first: Callable[[], Awaitable[None]]) -> "Change":
        """The same change, before which something else is done."""

        async def send() -> Object:
            await first()
            return await self.send()

        return replace(self, send=send)


def essence(obj: Mapping[str, Any]) -> Object:
    """All of it but the status and what changes along with it."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


def as_tried(before: Object, after: Object, sent: Any) -> Object:
    """Before, as it was when the change was tried on it: what its controller has said meanwhile is no part of that."""
    paths = (str(each.get("path")) for each in sent) if isinstance(sent, list) else (f"/{key}" for key in sent)
    if any(f"{each}/".startswith("/status/") for each in paths):
        return before
    bare = {key: value for key, value in before.items() if key != "status"}
    return bare | ({"status": after["status"]} if "status" in after else {})


async def as_seen(
    before: Mapping[str, Any], look: Callable[[], Awaitable[Object | None]], send: Callable[[str], Awaitable[Object]]
) -> Object:
    """Sends with the version of the object that was seen, or the newest if only its status is another.

    Raises `statuses.Conflict` where more is.
    """
    version = str(before["metadata"]["resourceVersion"])
    for _ in range(_ATTEMPTS):
        try:
            return await send(version)
        except statuses.Conflict:
            now = await look()
            if now is None or not same(essence(now), essence(before)):
                raise
            version = str(now["metadata"]["resourceVersion"])
    return await send(version)


def subject(kind: Kind, name: str, namespace: str = "") -> str:
    where = f" in namespace {namespace}" if namespace and kind.resource.namespaced else ""
    return f"{kind.api.kind} {name}{where}"


async def live(reader: Reader, kind: Kind, name: str, namespace: str) -> Object | None:
    """None where it is not there."""
    try:
        return await reader.client.get(kind.resource, name, namespace or None)
    except statuses.NotFound:
        return None


def check_scope(kind: Kind, namespace: str) -> None:
    """Raises `ScopeError`."""
    if kind.resource.namespaced and not namespace:
        raise ScopeError(f"{kind.api.kind} is namespaced", "no namespace was given", "give `namespace`")


def digest(changes: Sequence[Change]) -> str:
    return hashlib.sha256("".join(each.digest for each in changes).encode()).hexdigest()[:32]


async def carry_out(changes: Sequence[Change]) -> list[Object]:
    """In their order. Raises `ChangedMeanwhileError` where nothing was done, else `NotAllDoneError`.

    Where a deadline cancels it on the way, the `CancelledError` has a note that says the same.
    """
    done: list[Object] = []
    for index, each in enumerate(changes):
        try:
            done.append(await each.send())
        except asyncio.CancelledError as error:
            error.add_note(_stopped(changes, index, unsure=True).what)
            raise
        except Unreachable as error:
            raise _stopped(changes, index, str(error), unsure=error.sent) from error
        except statuses.Conflict as error:
            raise _meanwhile(changes, index, each) from error
        except FairleadError as error:
            if len(changes) == 1:
                raise
            raise _stopped(changes, index, str(error)) from error
    return done


def _meanwhile(changes: Sequence[Change], at: int, change: Change) -> FairleadError:
    if at:
        return _stopped(changes, at, f"{change.subject} has changed meanwhile")
    again = "repeat the call to see it as it is now"
    return ChangedMeanwhileError(f"{change.subject} has changed meanwhile", "nothing was done", again)


def _stopped(changes: Sequence[Change], at: int, why: str = "", *, unsure: bool = False) -> NotAllDoneError:
    parts = [("done", changes[:at]), ("sent, and perhaps done" if unsure else "not done", changes[at : at + 1])]
    parts.append(("not begun", changes[at + 1 :]))
    said = "; ".join(f"{word}: {', '.join(each.what for each in those)}" for word, those in parts if those)
    return NotAllDoneError(said, why, "look at them before you repeat it" if unsure else "")
