"""One call as a value: who makes it, with what, how far it has come; and what tools are given of it."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.callers import Caller
from fairlead.mcp.conversing import Conversation
from fairlead.mcp.tools import Answer, Clusters, ToolClass, ToolError

_MOST_UPSTREAM = 20
_upstream: ContextVar[list[str] | None] = ContextVar("upstream", default=None)


class UnknownError(FairleadError):
    """The server has no such tool, prompt or resource, or not for this caller."""


class LinesError(ToolError):
    """What one line cannot tell; `text` is shown as it is, redacted already."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NotDoneError(LinesError):
    """Somebody has to agree first; `text` is the plan in its lines, and how to go on."""


@dataclass(frozen=True)
class Outcome:
    answer: Answer
    failed: bool = False


@dataclass(frozen=True)
class Call:
    """What a tool, a prompt or a resource is given beside its arguments."""

    caller: Caller
    clusters: Clusters
    talk: Conversation
    reads_only: bool = True
    """Whether the connections of this server refuse everything but reads, dry runs included."""
    seconds_left: Callable[[], float] = field(default=lambda: 30.0, repr=False, compare=False)
    """Until the call's deadline, for tools that wait and can say how far they have come."""
    offers: Callable[[str], bool] = field(default=lambda tool: False, repr=False, compare=False)
    """Whether this caller can call a tool of that name here: what an answer says to do next has to be possible."""

    @property
    def names(self) -> list[str]:
        return self.clusters.names

    def target(self, name: str = "") -> Any:
        """Raises `ToolError` for a cluster that the server does not have."""
        return self.clusters.target(name, self.caller)


class Stage(Enum):
    """How far a change has come, for whoever has to be told when it ends early."""

    PLANNING = "nothing was changed"
    ASKING = "nobody answered, and nothing was changed"
    SENT = "the change was sent and its result is not known: look at the object before you try again"


@dataclass
class Use:
    """The account of one call, from which its audit lines and its errors are made."""

    caller: Caller
    name: str
    given: Mapping[str, Any]
    tool_class: ToolClass
    rule: str
    counted: ToolClass
    """The class whose allowance it is taken from."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    stage: Stage = Stage.PLANNING
    dry_run: bool = False
    confirm_id: str = ""
    """Of the plan or the question that it was agreed to by."""
    result: str = "error"
    seconds: float = 0.0
    size: int = 0
    upstream: list[str] = field(default_factory=list)
    """Audit-IDs by which the clusters have written down what was asked of them."""

    @contextmanager
    def runs(self) -> Iterator[None]:
        """What clusters answer in this block belongs to this call."""
        token = _upstream.set(self.upstream)
        try:
            yield
        finally:
            _upstream.reset(token)


def answered(audit_id: str) -> None:
    """A cluster has answered a request of the call that runs here, and written it down under this name."""
    known = _upstream.get()
    if known is not None and audit_id and audit_id not in known and len(known) < _MOST_UPSTREAM:
        known.append(audit_id[:64])
